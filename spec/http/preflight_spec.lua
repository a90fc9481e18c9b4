-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local sha256 = require "spec.support.sha256"

local function hash(value)
  return sha256(json.encode(value))
end

describe("a preflight", function()
  local g, open

  setup(function()
    g = gateway.start()
    open = g:open_app().client
  end)
  teardown(function() gateway.stop(g) end)

  it("shows what a delete would do, and on what state it depends", function()
    local txn = ledger.make(open)
    local flight = ledger.preflight(g.agent, ledger.delete(txn.id))
    assert.same({ "transaction.delete", "high", true }, { flight.action, flight.risk, flight.requiresConfirmation })
    local impact = flight.impact.transaction
    assert.same({ txn.id, "ledger_main", txn.title, 12.5, "USD", txn.date, false }, { impact.id, impact.ledger_id,
      impact.title, impact.amount_home, impact.currency_home, impact.date, impact.is_deleted })
    assert.is_string(flight.impact.summary)
    assert.equal(json.encode { kind = "resource_version", resource = "transaction", id = txn.id,
      ledger_id = "ledger_main", updated_at = txn.updated_at, is_deleted = false }, json.encode(flight.stateWitness))
    assert.is_truthy(flight.preflightId:find("^pfl_%w+$"))
    check.timestamp(flight.expiresAt)
  end)

  it("has hashes that anyone can compute again", function()
    local txn = ledger.make(open)
    local action = ledger.update(txn.id, { title = "caf\195\169 \240\159\152\128 \"x\"\\ \1", amount_home = 0.1 })
    local flight = ledger.preflight(g.agent, action)
    assert.equal(hash { action = action.action, payload = action.payload, impact = flight.impact }, flight.impactHash)
    assert.equal(hash(flight.stateWitness), flight.stateWitnessHash)
  end)

  it("has no witness where there is no state to depend on", function()
    local flight = ledger.preflight(g.agent, ledger.create())
    assert.same({ json.null, json.null }, { flight.stateWitness, flight.stateWitnessHash })
    assert.is_string(flight.impact.summary)
  end)

  it("shows the range and the limit of an export", function()
    local flight = ledger.preflight(g.agent, ledger.export { startDate = "2026-11-01", limit = 20 })
    local export = flight.impact.export
    assert.same({ "ledger_main", "2026-11-01", json.null, 20 },
      { export.ledgerId, export.startDate, export.endDate, export.requestedLimit })
  end)

  it("changes nothing and stores no draft", function()
    local txn = ledger.make(open)
    local before = #check.ok(g.agent:get("/drafts", { limit = 500 })).items
    ledger.preflight(g.agent, ledger.delete(txn.id))
    assert.is_table(ledger.find(g.agent, txn.id))
    assert.equal(before, #check.ok(g.agent:get("/drafts", { limit = 500 })).items)
  end)

  it("says what submitting would do now", function()
    local txn = ledger.make(open)
    local closed = ledger.preflight(g.agent, ledger.create()).decision
    assert.equal("draft", closed.mode)
    assert.same({ "agent.auto_execute_disabled" }, { table.unpack(closed.codes) })
    assert.equal("execute", ledger.preflight(open, ledger.create()).decision.mode)
    local careful = g:app { auto_execute = { high_risk = { enabled = true } } }
    assert.is_true(#ledger.preflight(careful.client, ledger.delete(txn.id)).decision.requires > 0)
  end)

  it("is on record", function()
    local id = g.agent:post("/preflight", { action = "transaction.create", payload = ledger.create().payload })
      .headers["x-request-id"]
    local row = check.find(g:audit { action = "agent.action.preflight" }, { request_id = id })
    assert.equal("success", row.status)
  end)

  it("can stand for its payload, more than once", function()
    local action = ledger.create()
    local flight = ledger.preflight(open, action)
    for _ = 1, 2 do
      ledger.execute(open, { action = action.action, preflightId = flight.preflightId })
    end
    assert.equal(2, ledger.count(open, action.payload.title))
  end)

  it("binds its impact and witness to the draft", function()
    local txn = ledger.make(open)
    local action = ledger.delete(txn.id)
    local flight = ledger.preflight(g.agent, action)
    action.preflightId = flight.preflightId
    local draft = ledger.draft(g.agent, action)
    assert.same({ flight.impactHash, flight.stateWitnessHash },
      { draft.preflight_hash, draft.preflight_state_witness_hash })
  end)

  it("is refused when it is unknown or another key's", function()
    local app = g:app()
    local action = ledger.create()
    local flight = ledger.preflight(app.client, action)
    local other = check.ok(g.admin:post("/apps/" .. app.app.id .. "/keys", { name = "second" }))
    for _, client in ipairs { g.agent, g:agent_client(other.token) } do
      check.refused(client:post("/actions", { action = action.action, preflightId = flight.preflightId }), 400,
        "agent.preflight_not_found")
    end
    check.refused(g.agent:post("/actions", { action = action.action, preflightId = "pfl_none" }), 400,
      "agent.preflight_not_found")
  end)

  it("is refused for another action", function()
    local txn = ledger.make(open)
    local flight = ledger.preflight(g.agent, ledger.delete(txn.id))
    check.refused(g.agent:post("/actions", { action = "transaction.hard_delete", preflightId = flight.preflightId }),
      400, "agent.preflight_mismatch")
  end)

  it("does not cover a payload that was swapped after it", function()
    local shown, other = ledger.make(open), ledger.make(open)
    local flight = ledger.preflight(open, ledger.delete(shown.id))
    local action = ledger.delete(other.id, { preflightId = flight.preflightId, execute = true })
    local draft, data = ledger.draft(open, action)
    assert.equal("agent.preflight_mismatch", data.autoExecuteDeniedCode)
    assert.not_equal(flight.impactHash, draft.preflight_hash)
    assert.equal(other.id, check.ok(g.admin:get("/drafts/" .. draft.id)).draft.preflight.transaction.id)
    assert.is_table(ledger.find(open, shown.id))
    assert.is_table(ledger.find(open, other.id))
  end)

  it("never executes a swapped payload when a preflight is required", function()
    local app = g:app { auto_execute = { high_risk = { enabled = true, require_idempotency = false } } }
    local shown, other = ledger.make(open), ledger.make(open)
    local flight = ledger.preflight(app.client, ledger.delete(shown.id))
    local _, data = ledger.draft(app.client,
      ledger.delete(other.id, { preflightId = flight.preflightId, execute = true }))
    assert.equal("agent.preflight_mismatch", data.autoExecuteDeniedCode)
    assert.is_table(ledger.find(open, other.id))
  end)

  it("is refused for a payload that the tool does not take", function()
    check.refused(g.agent:post("/preflight", { action = "transaction.delete", payload = json.object {} }), 400,
      "agent.action_invalid")
  end)
end)
