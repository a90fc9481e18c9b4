-- SPDX-License-Identifier: MIT
-- Power cuts in the middle of a mixed load: of what was written, only what was synced is there afterwards. OPP_SEED
-- repeats a run's choices.
local gateway = require "spec.support.gateway"
local mixed = require "spec.support.mixed"

local sanitized <const> = gateway.program():find "[at]san" ~= nil
local long <const> = os.getenv "OPP_LONG"
local rounds <const> = long and 200 or sanitized and 4 or 10
local seed <const> = tonumber(os.getenv "OPP_SEED") or 20261122
local cut_exit <const>, killed_exit <const> = 87, 137

describe("a power cut", function()
  before_each(function() math.randomseed(seed) end)

  -- Some cuts come at the n-th sync and others at the n-th write; some leave a part of what was not synced.
  local function choose()
    local op = math.random(2) == 1 and "sync" or "write"
    return ("OPP_FAULT=%s:%d:%s"):format(op, math.random(op == "sync" and 60 or 250),
      math.random(2) == 1 and "cut" or "tear")
  end

  -- One load until the power is cut; gives whether it was, before the load ended otherwise.
  local function cut(g, load, environment)
    local round = load.round()
    local up, code = g:restart_if_it_can(environment)
    if up then
      code = load.run(round, 3)
    end
    assert(code == cut_exit or code == killed_exit, code)
    return round, code == cut_exit
  end

  it("loses nothing acknowledged and does nothing twice", function()
    local g = gateway.start { program = gateway.faulty_program() }
    local load, acknowledged, cuts = mixed.of(g), 0, 0
    for number = 1, rounds do
      local plan = choose()
      local round, was_cut = cut(g, load, plan)
      cuts = cuts + (was_cut and 1 or 0)
      g:restart()
      local ok, problem = pcall(load.verify, round)
      assert(ok, ("OPP_SEED=%d, round %d, %s: %s"):format(seed, number, plan, tostring(problem)))
      acknowledged = acknowledged + round.acknowledged
    end
    gateway.stop(g)
    assert(cuts >= rounds / 2 and acknowledged > rounds, ("%d cuts, %d answers"):format(cuts, acknowledged))
    if long then
      print(("%d power cuts, %d answers"):format(cuts, acknowledged))
    end
  end)

  -- The control: were these tests blind, they would find nothing here either.
  it("loses what was acknowledged when commits are not synced", function()
    local g = gateway.start { program = gateway.faulty_program() }
    local load, lost = mixed.of(g), false
    for _ = 1, 20 do
      local ok, round = pcall(cut, g, load, { "OPP_FAULT_NORMAL=1", "OPP_FAULT=write:250:cut" })
      lost = not ok or not g:restart_if_it_can() or not pcall(load.verify, round)
      if lost then
        break
      end
    end
    assert.is_true(lost)
    if g.pid then
      g:kill()
    end
    gateway.stop(g)
  end)
end)
