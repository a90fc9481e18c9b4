-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local socket = require "socket"

describe("an app's data policy", function()
  local g, open

  setup(function()
    g = gateway.start()
    open = g:open_app().client
  end)
  teardown(function() gateway.stop(g) end)

  local function with(data, fields)
    local request = { policy = { data = data } }
    for name, value in pairs(fields or {}) do request[name] = value end
    return g:app(request)
  end

  it("restricts ledgers, and what is in them", function()
    local app = with { allowed_ledger_ids = { "ledger_ops" } }
    local ledgers = check.ok(app.client:get("/ledgers")).items
    assert.same({ 1, "ledger_ops" }, { #ledgers, ledgers[1].id })
    local data = check.ok(app.client:get("/transactions", { pageSize = 200 }))
    for _, txn in ipairs(data.items) do
      assert.equal("ledger_ops", txn.ledger_id)
    end
    assert.equal(data.total, #data.items)
    check.refused(app.client:get("/transactions", { ledgerId = "ledger_main" }), 403, "agent.policy_denied")
    check.refused(app.client:post("/preflight", { action = "transaction.delete", payload = { id = "txn_1" } }), 403,
      "agent.policy_denied")
    check.refused(app.client:post("/actions", ledger.create()), 403, "agent.policy_denied")
    ledger.draft(app.client, ledger.create(nil, { ledgerId = "ledger_ops" }))
    check.refused(app.client:post("/actions", ledger.update("txn_ops_001", { ledgerId = "ledger_main" })), 403,
      "agent.policy_denied")
  end)

  it("restricts transactions one by one", function()
    local app = with { allowed_transaction_ids = { "txn_1", "txn_3" } }
    assert.equal(2, check.ok(app.client:get("/transactions")).total)
    ledger.draft(app.client, ledger.delete("txn_1"))
    check.refused(app.client:post("/actions", ledger.delete("txn_2")), 403, "agent.policy_denied")
  end)

  it("restricts organisations", function()
    check.ok(with({ allowed_org_ids = { "org_demo" } }).client:get("/transactions", { ledgerId = "ledger_main" }))
    local elsewhere = with { allowed_org_ids = { "org_elsewhere" } }
    check.refused(elsewhere.client:get("/transactions", { ledgerId = "ledger_main" }), 403, "agent.policy_denied")
    check.refused(elsewhere.client:post("/actions", ledger.delete("txn_1")), 403, "agent.policy_denied")
    assert.equal(0, #check.ok(elsewhere.client:get("/ledgers")).items)
    assert.equal(0, check.ok(elsewhere.client:get("/transactions")).total)
  end)

  it("answers for what is not allowed as for what is not there", function()
    local app = with { allowed_ledger_ids = { "ledger_ops" } }
    local hidden = app.client:post("/actions", ledger.delete("txn_1"))
    local none = app.client:post("/actions", ledger.delete("txn_none"))
    assert.equal(check.without_request_id(none), check.without_request_id(hidden))
  end)

  it("bounds the range of dates of lists and exports", function()
    local app = with { max_days = 30 }
    local function get(from, to)
      return app.client:get("/transactions", { startDate = from, endDate = to })
    end
    check.ok(get("2026-10-01", "2026-10-30"))
    check.refused(get("2026-10-01", "2026-11-15"), 403, "agent.policy_denied")
    check.refused(get("2026-10-30", "2026-10-01"), 400, "agent.action_invalid")
    local export = ledger.export { startDate = "2026-01-01", endDate = "2026-11-15" }
    check.refused(app.client:post("/actions", export), 403, "agent.policy_denied")
    check.refused(app.client:post("/preflight", { action = export.action, payload = export.payload }), 403,
      "agent.policy_denied")
  end)

  it("does not make another intent of an export whose range ends now", function()
    local app = with({ max_days = 30 }, { auto_execute = gateway.open_windows })
    local action = ledger.export(nil, { idempotencyKey = ledger.unique("key") })
    local first = ledger.execute(app.client, action)
    local again = check.ok(app.client:post("/actions", action))
    assert.same({ true, first.id }, { again.replayed, again.execution.id })
  end)

  it("does not change the range of an export between its draft and its approval", function()
    local app = with { max_days = 30 }
    local action = ledger.export()
    local flight = ledger.preflight(app.client, action)
    for _, body in ipairs { action, { action = action.action, preflightId = flight.preflightId } } do
      local draft = ledger.draft(app.client, body)
      socket.sleep(0.02)
      assert.equal("success", ledger.approve(g.admin, draft).execution.status)
    end
  end)

  it("gives the days before an end, after a start, and the last ones", function()
    local app = with { max_days = 10 }
    local function dates(query)
      query.pageSize = 200
      local items = check.ok(app.client:get("/transactions", query)).items
      return #items > 0 and items[#items].date or nil, #items > 0 and items[1].date or nil
    end
    local first = dates { endDate = "2026-06-30" }
    assert.is_true(first >= "2026-06-20T23:59:59.999Z")
    local oldest, newest = dates { startDate = "2026-06-01" }
    assert.is_true(oldest >= "2026-06-01T00:00:00.000Z" and newest <= "2026-06-11T00:00:00.000Z")
    local txn = ledger.make(open)
    assert.is_table(ledger.find(app.client, txn.id))
    local since = os.date("!%Y-%m-%dT%H:%M:%S", os.time() - 10 * 86400 - 60)
    assert.is_true(dates {} >= since)
  end)

  it("hides sensitive fields in lists", function()
    local app = with { allow_sensitive_fields = false }
    local response = app.client:get("/transactions", { ledgerId = "ledger_main" })
    for _, txn in ipairs(check.ok(response).items) do
      assert.same({ "[redacted]", json.null }, { txn.title, txn.notes })
    end
    assert.is_nil(response.text:find("Coffee", 1, true))
  end)

  it("hides them in impacts, drafts and outcomes, but not from the reviewer", function()
    local app = with({ allow_sensitive_fields = false }, { auto_execute = gateway.open_windows })
    local txn = ledger.make(open, { title = "Secret gift", notes = "Surprise" })
    local action = ledger.delete(txn.id)
    local flight = app.client:post("/preflight", { action = action.action, payload = action.payload })
    assert.equal("[redacted]", check.ok(flight).impact.transaction.title)
    assert.is_nil(flight.text:find("Secret", 1, true))
    local draft = ledger.draft(app.client, action)
    assert.is_nil(app.client:get("/drafts/" .. draft.id).text:find("Secret", 1, true))
    assert.equal("Secret gift", check.ok(g.admin:get("/drafts/" .. draft.id)).draft.preflight.transaction.title)
    local update = ledger.update(txn.id, { amount_home = 3 }, { execute = true })
    local response = app.client:post("/actions", update)
    assert.equal("[redacted]", check.ok(response).execution.result.transaction.title)
    assert.is_nil(response.text:find("Surprise", 1, true))
  end)

  it("hides titles in exports", function()
    local app = with({ allow_sensitive_fields = false }, { auto_execute = gateway.open_windows })
    local export = ledger.execute(app.client, ledger.export()).result.export
    assert.is_nil(export.csv:find("Coffee", 1, true))
    assert.is_truthy(export.csv:find("txn_1,2026-11-19T08:30:00.000Z,expense,[redacted],42.5,", 1, true))
  end)

  it("is today's: what was hidden later is hidden in old drafts too", function()
    local app = g:open_app()
    local txn = ledger.make(open, { title = "Told once" })
    local execution = ledger.execute(app.client, ledger.update(txn.id, { amount_home = 4 }))
    assert.equal("Told once", execution.result.transaction.title)
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/policy", { data = { allow_sensitive_fields = false } }))
    local seen = app.client:get("/drafts/" .. execution.draft_id)
    assert.equal("[redacted]", check.ok(seen).execution.result.transaction.title)
  end)

  it("is today's for exports too, whose text cannot be redacted afterwards", function()
    local app = g:open_app()
    ledger.make(open, { title = "Told in an export" })
    local action = ledger.export(nil, { idempotencyKey = ledger.unique("key") })
    local execution = ledger.execute(app.client, action)
    assert.is_truthy(execution.result.export.csv:find("Told in an export", 1, true))
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/policy", { data = { allow_sensitive_fields = false } }))
    local replay, seen = app.client:post("/actions", action), (app.client:get("/drafts/" .. execution.draft_id))
    for _, response in ipairs { replay, seen } do
      assert.equal(json.null, check.ok(response).execution.result)
      assert.is_nil(response.text:find("Told in an export", 1, true))
    end
    action.idempotencyKey = ledger.unique("key")
    local redacted = ledger.execute(app.client, action)
    local again = check.ok(app.client:post("/actions", action))
    assert.equal(redacted.result.export.csv, again.execution.result.export.csv)
  end)

  it("is replaced whole", function()
    local app = with { max_days = 5, allowed_ledger_ids = { "ledger_ops" } }
    local path = "/apps/" .. app.app.id .. "/policy"
    local answer = check.ok(g.admin:patch(path, { data = { max_days = 7 } }))
    assert.is_true(answer.ok)
    assert.equal(7, answer.policy.data.max_days)
    assert.is_true(answer.policy.data.allowed_ledger_ids == nil or answer.policy.data.allowed_ledger_ids == json.null)
    check.ok(app.client:get("/transactions", { ledgerId = "ledger_main" }))
  end)

  it("is refused when it would say nothing or something unknown", function()
    local path = "/apps/" .. g:app().app.id .. "/policy"
    for _, policy in ipairs {
      { data = { allowed_ledger_ids = json.array {} } }, { data = { max_days = 0 } }, { data = { max_days = "7" } },
      { data = { allowed_ledgers = { "x" } } }, { network = { allowed_ips = json.array {} } },
      { network = { allowed_ips = { "not an address" } } }, { network = { allowed_ips = { "10.0.0.0/33" } } },
      { colour = "blue" }, { data = { allow_sensitive_fields = "no" } },
    } do
      check.refused(g.admin:patch(path, policy), 400, "common.validation")
    end
  end)
end)
