-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

describe("a state witness", function()
  local g, open

  setup(function()
    g = gateway.start()
    open = g:open_app().client
  end)
  teardown(function() gateway.stop(g) end)

  local function drift(txn)
    ledger.execute(open, ledger.update(txn.id, { title = ledger.unique("Drift") }))
  end

  local function refused(response, reason, action)
    local details = check.refused(response, 409, "agent.precondition_failed")
    assert.equal(reason, details.reason)
    assert.equal(action, details.action)
    return details
  end

  it("that is right lets the action pass", function()
    local txn = ledger.make(open)
    local action = ledger.delete(txn.id)
    action.stateWitnessHash = ledger.preflight(open, action).stateWitnessHash
    ledger.execute(open, action)
    assert.is_nil(ledger.find(open, txn.id))
  end)

  it("that differs is refused, and nothing is stored but the audit row", function()
    local app = g:open_app()
    local txn = ledger.make(open)
    for _, execute in ipairs { true, false } do
      local action = ledger.delete(txn.id, { stateWitnessHash = ("0"):rep(64), execute = execute })
      local response = app.client:post("/actions", action)
      refused(response, "state_witness_mismatch", "transaction.delete")
      local row = check.find(g:audit(), { request_id = response.headers["x-request-id"] })
      assert.same({ "denied", "agent.precondition_failed" }, { row.status, row.code })
    end
    assert.equal(0, #check.ok(app.client:get("/drafts")).items)
    assert.is_table(ledger.find(open, txn.id))
  end)

  it("of an older state is refused after the state moved", function()
    local txn = ledger.make(open)
    local action = ledger.delete(txn.id)
    action.stateWitnessHash = ledger.preflight(open, action).stateWitnessHash
    drift(txn)
    action.execute = true
    refused(open:post("/actions", action), "state_witness_mismatch", "transaction.delete")
    assert.is_table(ledger.find(open, txn.id))
  end)

  it("bound by a preflight stops an execution after the state moved", function()
    local txn = ledger.make(open)
    local action = ledger.delete(txn.id)
    action.preflightId, action.execute = ledger.preflight(open, action).preflightId, true
    drift(txn)
    check.refused(open:post("/actions", action), 409, "agent.precondition_failed")
    assert.is_table(ledger.find(open, txn.id))
  end)

  it("is not supported by a tool without state", function()
    local action = ledger.create { stateWitnessHash = ("0"):rep(64) }
    refused(g.agent:post("/actions", action), "state_witness_unsupported", "transaction.create")
  end)

  it("stops an approval after the state moved: 409, no effect, a denied audit row, a failed draft", function()
    local txn = ledger.make(open)
    local draft = ledger.draft(g.agent, ledger.delete(txn.id))
    drift(txn)
    local response = g.admin:post("/drafts/" .. draft.id .. "/approve")
    local details = refused(response, "state_witness_mismatch", "transaction.delete")
    assert.equal(draft.id, details.draftId)
    assert.is_table(ledger.find(open, txn.id))
    local row = check.find(g:audit(), { request_id = response.headers["x-request-id"] })
    assert.same({ "agent.draft.approve", "denied", "agent.precondition_failed", draft.id },
      { row.action, row.status, row.code, row.draft_id })
    local seen = check.ok(g.agent:get("/drafts/" .. draft.id)).draft
    assert.same({ "failed", "agent.precondition_failed", "state_witness_mismatch" },
      { seen.status, seen.failure.code, seen.failure.reason })
    check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 400, "agent.draft_already_final")
  end)

  it("holds also when the state moves back", function()
    local txn = ledger.make(open)
    local draft = ledger.draft(g.agent, ledger.delete(txn.id))
    ledger.execute(open, ledger.update(txn.id, { title = "elsewhere" }))
    ledger.execute(open, ledger.update(txn.id, { title = txn.title }))
    check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 409, "agent.precondition_failed")
  end)

  it("lets exactly one of many drafts about the same state through", function()
    local txn, drafts, requests = ledger.make(open), {}, {}
    for i = 1, 8 do
      drafts[i] = ledger.draft(g.agent, ledger.update(txn.id, { title = "Change " .. i }))
      requests[i] = { method = "POST", path = "/drafts/" .. drafts[i].id .. "/approve" }
    end
    local won = {}
    for i, response in ipairs(http.parallel(g.admin, requests, 8)) do
      if response.status == 200 then
        won[#won + 1] = i
      else
        check.refused(response, 409, "agent.precondition_failed")
      end
    end
    assert.equal(1, #won)
    assert.equal("Change " .. won[1], ledger.find(open, txn.id).title)
  end)

  it("is judged on the state that each of many executions meets", function()
    local txn, requests = ledger.make(open), {}
    local witness = ledger.preflight(open, ledger.update(txn.id, { title = "x" })).stateWitnessHash
    for i = 1, 16 do
      requests[i] = { method = "POST", path = "/actions",
        json = ledger.update(txn.id, { title = "Race " .. i }, { execute = true, stateWitnessHash = witness }) }
    end
    local won = 0
    for _, response in ipairs(http.parallel(open, requests, 16)) do
      if response.status == 200 then
        won = won + 1
      else
        check.refused(response, 409, "agent.precondition_failed")
      end
    end
    assert.equal(1, won)
  end)
end)
