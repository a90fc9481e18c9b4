-- SPDX-License-Identifier: MIT
-- Equal requests under one key, many at once, a gateway that is killed among them, and all of them again afterwards:
-- one effect for each key. OPP_SEED repeats a run's choices; OPP_LONG: 1,000 keys instead of 20.
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

local long <const> = os.getenv "OPP_LONG"
local keys_max <const> = long and 1000 or 20
local seed <const> = tonumber(os.getenv "OPP_SEED") or 20261122
local keys_at_once <const>, copies <const> = 5, 50

describe("equal requests under one key", function()
  local g, app

  setup(function()
    g = gateway.start()
    app = g:open_app()
    math.randomseed(seed)
  end)
  teardown(function() gateway.stop(g) end)

  -- Each on a connection of its own; answers[i] is false where there was none.
  local function send_all(requests)
    local answers, jobs = {}, {}
    for i, request in ipairs(requests) do
      answers[i] = false
      jobs[i] = function()
        local ok, conn = pcall(connection.open, g.address, coroutine.yield)
        if ok then
          answers[i] = app.client:over(conn, request) or false
          conn:close()
        end
      end
    end
    http.run(jobs)
    return answers
  end

  -- So many copies of each key's request, the keys mixed.
  local function copies_of(keys)
    local requests = {}
    for i = 1, #keys * copies do requests[i] = ledger.request(keys[i % #keys + 1].action) end
    return requests
  end

  -- All answers about a key name one execution.
  local function note(keys, answers)
    local count = 0
    for i, answer in ipairs(answers) do
      local key = keys[i % #keys + 1]
      if answer and answer.body.code ~= "agent.idempotency_in_progress" then
        local id = check.ok(answer).execution.id
        assert.equal(key.execution or id, id)
        key.execution, count = id, count + 1
      end
    end
    return count
  end

  local function refuses_another_byte(key)
    local action = ledger.create(nil, { title = key.action.payload.title .. "." })
    action.idempotencyKey, action.execute = key.action.idempotencyKey, true
    check.refused(app.client:post("/actions", action), 409, "agent.idempotency_mismatch")
  end

  local function round()
    local keys = {}
    for i = 1, keys_at_once do
      keys[i] = { action = ledger.keyed { execute = true } }
    end
    g:kill_after(0.01 + 0.09 * math.random())
    local before = note(keys, send_all(copies_of(keys)))
    g:await_end()
    g:restart()
    local known = {}
    for i, key in ipairs(keys) do
      known[i] = ledger.stored(g, key.action.payload.title)
      assert(known[i] == 1 or known[i] == 0 and not key.execution, key.action.idempotencyKey)
    end
    assert.equal(keys_at_once * copies, note(keys, send_all(copies_of(keys))))
    for _, key in ipairs(keys) do
      assert.equal(1, ledger.stored(g, key.action.payload.title))
      refuses_another_byte(key)
    end
    return before
  end

  it("have one effect, whenever it is killed", function()
    local acknowledged, kills = 0, 0
    for _ = 1, keys_max, keys_at_once do
      kills = kills + 1
      local ok, result = pcall(round)
      assert(ok, ("OPP_SEED=%d, kill %d: %s"):format(seed, kills, tostring(result)))
      acknowledged = acknowledged + result
    end
    assert.same({}, db.rows(g.data .. "/gateway.db", "SELECT idempotency_key FROM executions WHERE status = 'success'"
      .. " GROUP BY idempotency_key HAVING count(*) > 1"))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    if long then
      print(("%d keys, %d kills, %d answers before them; one effect each"):format(keys_max, kills, acknowledged))
    end
  end)
end)
