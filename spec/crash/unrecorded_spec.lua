-- SPDX-License-Identifier: MIT
-- The disk takes the claim and the effect, and not the outcome: it is recorded as soon as it can be, without a restart.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"

describe("an outcome that could not be recorded", function()
  local g, app

  setup(function()
    g = gateway.start()
    app = g:open_app()
  end)
  teardown(function() gateway.stop(g) end)

  local function refuse_outcomes()
    db.change(g.data .. "/gateway.db", "CREATE TRIGGER refuse BEFORE UPDATE OF status ON executions"
      .. " BEGIN SELECT raise(ABORT, 'refused'); END")
  end

  local function take_outcomes() db.change(g.data .. "/gateway.db", "DROP TRIGGER refuse") end

  local function status_of(key)
    return db.rows(g.data .. "/gateway.db", "SELECT status FROM executions WHERE idempotency_key = :key",
      { key = key })[1].status
  end

  -- Executes while no outcome is taken; gives the action and the id of its execution.
  local function strand(action)
    refuse_outcomes()
    local details = check.refused(app.client:post("/actions", action), 503, "common.unavailable")
    assert.equal("pending", status_of(action.idempotencyKey))
    return details.executionId
  end

  local function settled(action)
    gateway.eventually("the outcome is recorded", function() return status_of(action.idempotencyKey) ~= "pending" end)
    return status_of(action.idempotencyKey)
  end

  it("becomes a success by its receipt, and the waiting repeat is its replay", function()
    local action = ledger.keyed { execute = true }
    local id = strand(action)
    local repeated = app.client:start(ledger.request(action))
    take_outcomes()
    local data = check.ok(assert(repeated:finish()))
    assert.same({ "executed", id, true }, { data.status, data.execution.id, data.replayed })
    assert.equal(action.payload.title, data.execution.result.transaction.title)
    assert.equal("success", settled(action))
    assert.equal(1, ledger.count(app.client, action.payload.title))
    assert.equal(1, check.count(g:audit { action = "agent.action.execute" }, { execution_id = id }))
  end)

  it("is not overtaken by the same action under another key, which could be its second", function()
    local action = ledger.keyed { execute = true }
    local waiting = ledger.draft(app.client, ledger.create(nil, action.payload))
    strand(action)
    local other = ledger.keyed({ execute = true }, action.payload)
    check.refused(app.client:post("/actions", other), 503, "common.unavailable")
    check.refused(g.admin:post("/drafts/" .. waiting.id .. "/approve"), 503, "common.unavailable")
    take_outcomes()
    assert.equal("success", settled(action))
    assert.equal(1, ledger.count(app.client, action.payload.title))
    gateway.eventually("it is waited for no longer", function()
      return app.client:post("/actions", other).status == 200
    end)
    assert.equal(2, ledger.count(app.client, action.payload.title))
  end)

  it("becomes a failure where there is no receipt, and the repeat executes", function()
    local action = ledger.keyed { execute = true }
    db.change(g.data .. "/ledger.db", "CREATE TRIGGER refuse BEFORE INSERT ON transactions"
      .. " BEGIN SELECT raise(ABORT, 'refused'); END")
    local id = strand(action)
    db.change(g.data .. "/ledger.db", "DROP TRIGGER refuse")
    take_outcomes()
    assert.equal("failed", settled(action))
    local execution, data = ledger.execute(app.client, action)
    assert.not_equal(id, execution.id)
    assert.equal(id, data.details.previousExecutionId)
    assert.equal(1, ledger.count(app.client, action.payload.title))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("is settled at the next start when it could not be before", function()
    local action = ledger.keyed { execute = true }
    local id = strand(action)
    g:terminate()
    take_outcomes()
    g:restart()
    assert.equal("success", status_of(action.idempotencyKey))
    assert.equal(id, check.ok(app.client:post("/actions", action)).execution.id)
    assert.equal(1, ledger.count(app.client, action.payload.title))
  end)
end)
