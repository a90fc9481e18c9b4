-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"

describe("the boundary between tenants", function()
  local g, open

  setup(function()
    g = gateway.start()
    open = g:open_app().client
  end)
  teardown(function() gateway.stop(g) end)

  -- Both answers are the same refusal, byte for byte but for the request id, and give nothing away.
  local function same_refusal(foreign, none)
    check.refused(foreign, 403, "agent.policy_denied")
    assert.equal(check.without_request_id(none), check.without_request_id(foreign))
    for _, secret in ipairs { "org_other", "Confidential", "txn_other", "ledger_other", "user_demo", "Groceries" } do
      assert.is_nil(foreign.text:find(secret, 1, true), foreign.text)
    end
    local function names(response)
      local list = {}
      for name in pairs(response.headers) do list[#list + 1] = name end
      table.sort(list)
      return table.concat(list, " ")
    end
    assert.equal(names(none), names(foreign))
  end

  local function post(path, action)
    return open:post(path, action)
  end

  it("hides another tenant's ledger from a list as if there were none", function()
    local none = open:get("/transactions", { ledgerId = "ledger_nnnnn" })
    same_refusal(open:get("/transactions", { ledgerId = "ledger_other" }), none)
    same_refusal(open:get("/transactions", { ledgerId = "ledger_home" }), none)
  end)

  it("never counts or shows another tenant's rows", function()
    local data = check.ok(open:get("/transactions", { pageSize = 200 }))
    local text = g:client("/api/agent/v1", open.token):get("/transactions", { pageSize = 200 }).text
    assert.is_nil(text:find("txn_other", 1, true))
    assert.is_nil(text:find("org_", 1, true))
    assert.equal(data.total, #ledger.list(open))
    assert.equal(2, #check.ok(open:get("/ledgers")).items)
  end)

  for _, action in ipairs { "transaction.update", "transaction.delete", "transaction.hard_delete" } do
    it("hides another tenant's transaction from " .. action .. " in every phase", function()
      local function request(id, execute)
        return { action = action, payload = { transactionId = id, title = action:find("update") and "x" or nil },
          justification = "why", execute = execute }
      end
      same_refusal(post("/preflight", request("txn_other")), post("/preflight", request("txn_nnnnn")))
      same_refusal(post("/actions", request("txn_other")), post("/actions", request("txn_nnnnn")))
      same_refusal(post("/actions", request("txn_other", true)), post("/actions", request("txn_nnnnn", true)))
      same_refusal(post("/actions", request("txn_home", true)), post("/actions", request("txn_nnnnn", true)))
    end)
  end

  it("holds for where something is put: creating, exporting and moving", function()
    for _, path in ipairs { "/preflight", "/actions" } do
      same_refusal(post(path, ledger.create(nil, { ledgerId = "ledger_other" })),
        post(path, ledger.create(nil, { ledgerId = "ledger_nnnnn" })))
      same_refusal(post(path, ledger.export { ledgerId = "ledger_other" }),
        post(path, ledger.export { ledgerId = "ledger_nnnnn" }))
      same_refusal(post(path, ledger.update("txn_1", { ledgerId = "ledger_other" })),
        post(path, ledger.update("txn_1", { ledgerId = "ledger_nnnnn" })))
    end
  end)

  it("answers for what was deleted as for what never was", function()
    local txn = ledger.make(open)
    ledger.execute(open, ledger.delete(txn.id))
    same_refusal(post("/actions", ledger.delete(txn.id)), post("/actions", ledger.delete("txn_nnnnn")))
    same_refusal(post("/preflight", ledger.update(txn.id, { title = "x" })),
      post("/preflight", ledger.update("txn_nnnnn", { title = "x" })))
  end)

  it("stores no draft of what is beyond it, only the refusal", function()
    local app = g:app()
    local response = app.client:post("/actions", ledger.delete("txn_other"))
    check.refused(response, 403, "agent.policy_denied")
    assert.equal(0, #check.ok(app.client:get("/drafts")).items)
    local row = check.find(g:audit(), { request_id = response.headers["x-request-id"] })
    assert.same({ "agent.action.create", "denied", "agent.policy_denied" }, { row.action, row.status, row.code })
  end)

  it("shows a personal app what is its person's, and nothing of an organisation", function()
    local app = g:open_app { scope = "personal", user_id = "user_demo" }
    local ledgers = check.ok(app.client:get("/ledgers")).items
    assert.same({ 1, "ledger_home" }, { #ledgers, ledgers[1].id })
    assert.equal(1, check.ok(app.client:get("/transactions")).total)
    check.refused(app.client:get("/transactions", { ledgerId = "ledger_main" }), 403, "agent.policy_denied")
    check.refused(app.client:post("/actions", ledger.delete("txn_1")), 403, "agent.policy_denied")
    ledger.execute(app.client, ledger.create(nil, { ledgerId = "ledger_home" }))
  end)

  it("shows another organisation its own", function()
    local app = g:open_app { org_id = "org_other" }
    local items = check.ok(app.client:get("/transactions")).items
    assert.same({ 1, "txn_other" }, { #items, items[1].id })
    check.refused(app.client:get("/transactions", { ledgerId = "ledger_main" }), 403, "agent.policy_denied")
  end)

  it("keeps drafts and idempotency keys of tenants apart", function()
    local other = g:open_app({ org_id = "org_other" }).client
    local key = ledger.unique("key")
    local mine = ledger.execute(open, ledger.create { idempotencyKey = key })
    local theirs = ledger.execute(other, ledger.create({ idempotencyKey = key }, { ledgerId = "ledger_other" }))
    assert.not_equal(mine.id, theirs.id)
    check.refused(other:get("/drafts/" .. mine.draft_id), 404, "agent.draft_not_found")
  end)
end)
