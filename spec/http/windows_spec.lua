-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local socket = require "socket"

describe("executing at once", function()
  local g, open

  setup(function()
    g = gateway.start()
    open = g:open_app().client
  end)
  teardown(function() gateway.stop(g) end)

  local function set(app, body)
    return check.ok(g.admin:patch("/apps/" .. app.app.id .. "/auto-execute", body)).auto_execute
  end

  -- Asks for an execution and gives why it became a draft.
  local function denied(client, action)
    action.execute = true
    local draft, data = ledger.draft(client, action)
    assert.is_true(draft.auto_execute_requested)
    if data.autoExecuteDeniedCode ~= json.null then
      assert.equal(data.autoExecuteDeniedCode, data.autoExecuteDenied.code)
      assert.is_string(data.autoExecuteDenied.reason)
      assert.is_table(data.autoExecuteDenied.requires)
    end
    return data.autoExecuteDeniedCode
  end

  it("is off until an operator turns it on, and then as the operator says", function()
    local app = g:app()
    assert.equal("agent.auto_execute_disabled", denied(app.client, ledger.create()))
    set(app, { writes = { enabled = true } })
    local action = ledger.create()
    local execution, data = ledger.execute(app.client, action)
    assert.equal("confirmed", data.draft.status)
    assert.equal(data.draft.id, execution.draft_id)
    assert.equal(1, ledger.count(app.client, action.payload.title))
    set(app, { writes = { enabled = false } })
    assert.equal("agent.auto_execute_disabled", denied(app.client, ledger.create()))
  end)

  it("goes by writes for low and medium risk and by high_risk for high", function()
    local app, txn = g:app(), ledger.make(open)
    set(app, { writes = { enabled = true } })
    assert.equal("agent.auto_execute_disabled", denied(app.client, ledger.delete(txn.id)))
    set(app, { writes = { enabled = false }, high_risk = gateway.open_windows.high_risk })
    assert.equal("agent.auto_execute_disabled", denied(app.client, ledger.create()))
    ledger.execute(app.client, ledger.delete(txn.id))
  end)

  it("is expired when the window's end is past", function()
    local app = g:app()
    set(app, { writes = { enabled = true, expires_at = "2020-01-01T00:00:00.000Z" } })
    assert.equal("agent.auto_execute_expired", denied(app.client, ledger.create()))
  end)

  it("is not opened with two ends", function()
    local app = g:app()
    local details = check.refused(g.admin:patch("/apps/" .. app.app.id .. "/auto-execute",
      { writes = { enabled = true, expires_in = 60, expires_at = "2099-01-01T00:00:00.000Z" } }),
      400, "common.validation")
    assert.equal("/writes/expires_at", details.issues[1].pointer)
  end)

  it("ends when its time is over", function()
    local app = g:app()
    set(app, { writes = { enabled = true, expires_in = 1 } })
    socket.sleep(1.2)
    assert.equal("agent.auto_execute_expired", denied(app.client, ledger.create()))
  end)

  it("gets an hour when no end is named", function()
    local app, now = g:app(), os.time()
    local ends = set(app, { writes = { enabled = true } }).writes.expires_at
    check.timestamp(ends)
    local hour = os.date("!%Y-%m-%dT%H:%M", now + 3600)
    local next_minute = os.date("!%Y-%m-%dT%H:%M", now + 3660)
    assert.is_true(ends:sub(1, 16) == hour or ends:sub(1, 16) == next_minute, ends)
  end)

  it("is denied to actions that the window does not list", function()
    local app = g:app()
    set(app, { writes = { enabled = true, allowed_actions = json.array {} } })
    assert.equal("agent.auto_execute_denied", denied(app.client, ledger.create()))
    set(app, { writes = { enabled = true, allowed_actions = { "transaction.update" } } })
    assert.equal("agent.auto_execute_denied", denied(app.client, ledger.create()))
    ledger.execute(app.client, ledger.update(ledger.make(open).id, { title = "listed" }))
    set(app, { writes = { enabled = true, allowed_actions = json.null } })
    ledger.execute(app.client, ledger.create())
  end)

  it("needs the safeguards of high risk, and names the first that is missing", function()
    local app, txn = g:app(), ledger.make(open)
    local past = "2020-01-01T00:00:00.000Z"
    local action = ledger.delete(txn.id)
    action.justification = nil
    assert.equal("agent.auto_execute_disabled", denied(app.client, action))
    set(app, { high_risk = { enabled = true, expires_at = past, allowed_actions = json.array {} } })
    assert.equal("agent.auto_execute_expired", denied(app.client, action))
    set(app, { high_risk = { enabled = true, allowed_actions = json.array {} } })
    assert.equal("agent.auto_execute_denied", denied(app.client, action))
    set(app, { high_risk = { enabled = true } })
    assert.equal("agent.action_invalid", denied(app.client, action))
    action.justification = "It was entered twice."
    assert.equal("agent.idempotency_required", denied(app.client, action))
    action.idempotencyKey = ledger.unique("key")
    assert.equal("agent.preflight_required", denied(app.client, action))
    local other = check.ok(app.client:post("/preflight", { action = action.action,
      payload = { transactionId = "txn_2" } }))
    action.preflightId = other.preflightId
    assert.equal("agent.preflight_mismatch", denied(app.client, action))
    local flight = ledger.preflight(app.client, action)
    action.preflightId = flight.preflightId
    ledger.execute(app.client, action)
    assert.is_nil(ledger.find(open, txn.id))
  end)

  it("keeps a section that a change does not name, and replaces one that it does", function()
    local app = g:app()
    local before = set(app, { high_risk = { enabled = true, max_export_rows = 500, require_preflight = false } })
    local after = set(app, { writes = { enabled = true } })
    assert.equal(json.encode(before.high_risk), json.encode(after.high_risk))
    local replaced = set(app, { high_risk = { enabled = true } }).high_risk
    assert.same({ true, true, 1000, json.null }, { replaced.require_preflight, replaced.require_idempotency,
      replaced.max_export_rows, replaced.allowed_actions })
  end)

  it("is off in a section that does not say", function()
    local app = g:open_app()
    local data = check.ok(g.admin:patch("/apps/" .. app.app.id .. "/auto-execute", { writes = json.decode "{}" }))
    assert.is_false(data.auto_execute.writes.enabled)
    assert.is_true(data.auto_execute.high_risk.enabled)
  end)

  it("refuses windows that make no sense", function()
    local path = "/apps/" .. g:app().app.id .. "/auto-execute"
    for _, body in ipairs {
      { high_risk = { enabled = true, max_export_rows = 99 } },
      { high_risk = { enabled = true, max_export_rows = 5001 } },
      { writes = { enabled = "yes" } }, { writes = { enabled = true, expires_at = "tomorrow" } },
      { writes = { enabled = true, colour = "blue" } }, { reads = { enabled = true } },
    } do
      check.refused(g.admin:patch(path, body), 400, "common.validation")
    end
  end)

  it("shuts with the app, and does not open again when it comes back", function()
    local app = g:open_app()
    check.ok(g.admin:post("/apps/" .. app.app.id .. "/revoke"))
    local back = check.ok(g.admin:post("/apps/" .. app.app.id .. "/restore")).app
    assert.equal("active", back.status)
    assert.is_false(back.auto_execute.writes.enabled)
    assert.is_false(back.auto_execute.high_risk.enabled)
  end)

  it("never exports more rows than the app may, in any phase", function()
    local app = g:app { auto_execute = { high_risk = { enabled = true, require_preflight = false,
      require_idempotency = false, max_export_rows = 100 } } }
    local large = ledger.export { ledgerId = "ledger_ops", limit = 5000 }
    check.refused(app.client:post("/preflight", { action = large.action, payload = large.payload }), 403,
      "agent.policy_denied")
    check.refused(app.client:post("/actions", large), 403, "agent.policy_denied")
    large.execute = true
    check.refused(app.client:post("/actions", large), 403, "agent.policy_denied")
    local small = ledger.execute(app.client, ledger.export { ledgerId = "ledger_ops", limit = 100 })
    assert.equal(100, small.result.export.rowCount)
  end)

  it("exports CSV that is safe for spreadsheets", function()
    local action = ledger.export { startDate = "2026-11-16", endDate = "2026-11-19" }
    local export = ledger.execute(open, action).result.export
    assert.same({ "csv", "ledger_main" }, { export.format, export.ledgerId })
    assert.equal("id,date,kind,title,amount_home,currency_home,created_at,updated_at", export.csv:match("^[^\r\n]*"))
    assert.is_truthy(export.csv:find(",'=SUM(A1:A9),-0.01,USD,", 1, true))
    assert.is_truthy(export.csv:find(',"Paper, pens and ""sticky"" notes",23.99,', 1, true))
  end)

  it("executes soft and hard deletes as they are defined", function()
    local txn = ledger.make(open)
    local soft = ledger.execute(open, ledger.delete(txn.id)).result.deleted
    assert.equal(json.encode { id = txn.id, deleted = true }, json.encode(soft))
    local other = ledger.make(open)
    local hard = ledger.execute(open, { action = "transaction.hard_delete", payload = { id = other.id },
      justification = "A spec asks for it." }).result.deleted
    assert.equal(json.encode { id = other.id, deleted = true, hard = true }, json.encode(hard))
    assert.is_nil(ledger.find(open, txn.id))
    assert.is_nil(ledger.find(open, other.id))
  end)

  it("answers an update with the whole transaction as it is then", function()
    local txn = ledger.make(open)
    local after = ledger.execute(open, ledger.update(txn.id, { amount_home = "7.25", currency_home = "eur",
      notes = json.null, ledgerId = "ledger_ops" })).result.transaction
    assert.same({ txn.id, "ledger_ops", 7.25, "EUR", txn.title, json.null },
      { after.id, after.ledger_id, after.amount_home, after.currency_home, after.title, after.notes })
    assert.is_true(after.updated_at > txn.updated_at)
    assert.equal(txn.created_at, after.created_at)
  end)
end)
