-- SPDX-License-Identifier: MIT
-- kill -9 at a random moment of a mixed load, again and again on the same data. OPP_SEED repeats a run's choices.
local gateway = require "spec.support.gateway"
local mixed = require "spec.support.mixed"

local sanitized <const> = gateway.program():find "[at]san" ~= nil
local rounds <const> = os.getenv "OPP_LONG" and 1000 or sanitized and 20 or 100
local seed <const> = tonumber(os.getenv "OPP_SEED") or 20261122
local ready_s <const> = sanitized and 5 or 2

describe("a gateway that is killed", function()
  local g, load

  setup(function()
    g = gateway.start()
    load = mixed.of(g)
    math.randomseed(seed)
  end)
  teardown(function() gateway.stop(g) end)

  it("has lost nothing acknowledged and done nothing twice", function()
    local acknowledged, unanswered, slowest_s = 0, 0, 0
    for number = 1, rounds do
      local round = load.round()
      load.run(round, 0.02 + 0.15 * math.random())
      local took = g:restart()
      slowest_s = math.max(slowest_s, took)
      local ok, problem = pcall(function()
        assert(took < ready_s, ("it was ready after %.2f s"):format(took))
        load.verify(round)
      end)
      assert(ok, ("OPP_SEED=%d, round %d: %s"):format(seed, number, tostring(problem)))
      acknowledged = acknowledged + round.acknowledged
      unanswered = unanswered + load.unanswered(round)
    end
    assert(acknowledged > 5 * rounds and unanswered > 0, ("%d answers, %d without"):format(acknowledged, unanswered))
    if os.getenv "OPP_LONG" then
      print(("%d kills, %d answers, %d executions unanswered; none lost, none twice; the slowest start took %.2f s")
        :format(rounds, acknowledged, unanswered, slowest_s))
    end
  end)
end)
