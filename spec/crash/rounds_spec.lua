-- SPDX-License-Identifier: MIT
-- The process ends at a named step around an effect, whoever asked for it, and the receipt may be unreadable then: the
-- effect is there once at most, what became of it is told within five seconds of the next start, and nothing is done
-- again by itself. OPP_LONG: 200 rounds for each step instead of one; OPP_SEED repeats a run's choices.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local socket = require "socket"

local long <const> = os.getenv "OPP_LONG"
local rounds <const> = long and 200 or 1
local seed <const> = tonumber(os.getenv "OPP_SEED") or 20261122
local told_s <const> = 5
local crash_exit <const> = 86

-- In order; behind effect.written there is an effect. The first has another name where a person approves.
local points <const> = { "claim.written", "claim.committed", "effect.unreceipted", "effect.written", "effect.committed",
  "outcome.execution_only", "outcome.written", "outcome.committed" }
local applied_from <const> = 5

local describe_points = gateway.has_crash_points() and describe or pending

describe_points("a gateway that ends around an effect", function()
  local g, app, effects

  setup(function()
    g = gateway.start { config = "timeouts: { unknown_retry_seconds: 1 }\n" }
    app, effects = g:open_app(), {}
    math.randomseed(seed)
  end)
  teardown(function() gateway.stop(g) end)

  -- By an agent at once, or by a person who approves.
  local function prepare(by_person)
    local action = ledger.keyed()
    if by_person then
      local draft = ledger.draft(app.client, action)
      return action, { client = g.admin, method = "POST", path = ("/drafts/%s/approve"):format(draft.id) }
    end
    action.execute = true
    return action, ledger.request(action, app.client)
  end

  local function spoil(action)
    db.change(g.data .. "/gateway.db", ("ATTACH '%s/ledger.db' AS l; UPDATE l.opp_receipts SET result = '{' || result"
      .. " WHERE effect_id = (SELECT effect_id FROM executions WHERE idempotency_key = :key)"):format(g.data),
      { key = action.idempotencyKey })
  end

  local function mend()
    db.change(g.data .. "/ledger.db", "UPDATE opp_receipts SET result = substr(result, 2) WHERE result LIKE '{{%'")
  end

  local function status(action)
    local items = check.ok(app.client:get("/drafts", { idempotencyKey = action.idempotencyKey })).items
    if #items == 0 then
      return "none"
    end
    local execution = check.ok(app.client:get("/drafts/" .. items[1].id)).execution
    return type(execution) == "table" and execution.status or items[1].status
  end

  local function expected(point, unreadable)
    if point == 1 then
      return { none = 1, draft = 1 }
    end
    if point < applied_from then
      return { failed = 1 }
    end
    -- Behind outcome.committed nobody asks for the receipt any more.
    return { [unreadable and point < #points and "unknown" or "success"] = 1 }
  end

  local function round(point)
    local unreadable, by_person = math.random(3) == 1, math.random(2) == 1
    g:restart("OPP_CRASH_AT=" .. (by_person and point == 1 and "claim.approved" or points[point]))
    local action, request = prepare(by_person)
    assert.is_nil(request.client:start(request):finish(), "it was answered")
    assert.equal(crash_exit, g:await_end())
    if unreadable then spoil(action) end
    local began = socket.gettime()
    g:restart()
    local found = status(action)
    assert(socket.gettime() - began < told_s, ("it was told after %.1f s"):format(socket.gettime() - began))
    assert(expected(point, unreadable)[found], found)
    effects[action.payload.title] = point >= applied_from and 1 or 0
    assert.equal(effects[action.payload.title], ledger.stored(g, action.payload.title))
    if found == "unknown" then
      check.refused(app.client:post("/actions", { action = action.action, payload = action.payload, execute = true,
        idempotencyKey = action.idempotencyKey }), 504, "agent.execution_unknown")
      mend()
      gateway.eventually("it is known again", function() return status(action) == "success" end)
    end
    return found
  end

  it("has done it once at most, and says what became of it", function()
    local told = {}
    for point, name in ipairs(points) do
      for number = 1, rounds do
        local ok, found = pcall(round, point)
        assert(ok, ("OPP_SEED=%d, %s, round %d: %s"):format(seed, name, number, tostring(found)))
        told[found] = (told[found] or 0) + 1
      end
    end
    for title, times in pairs(effects) do
      assert.equal(times, ledger.stored(g, title))
    end
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    if long then
      for found, times in pairs(told) do print(("%d rounds: %s"):format(times, found)) end
    end
  end)
end)
