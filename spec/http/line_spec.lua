-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("the line from an agent's wish to its record", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  it("runs on Lua 5.4", function()
    assert.equal("Lua 5.4", _VERSION)
  end)

  it("gives the demo agent a manifest with the seven tools", function()
    local data = check.ok(g.agent:get("/manifest"))
    local names = {}
    for i, tool in ipairs(data.tools) do names[i] = tool.name end
    table.sort(names)
    assert.same({ "ledger.list", "transaction.create", "transaction.delete", "transaction.hard_delete",
      "transaction.list", "transaction.update", "transactions.export_csv" }, names)
    assert.equal("org_demo", data.app.orgId)
  end)

  it("lists the ledgers and transactions of the demo", function()
    local ledgers = check.ok(g.agent:get("/ledgers")).items
    assert.is_truthy(check.find(ledgers, { id = "ledger_main" }))
    assert.is_truthy(check.find(ledgers, { id = "ledger_ops" }))
    local transactions = check.ok(g.agent:get("/transactions", { ledgerId = "ledger_main" })).items
    assert.is_truthy(check.find(transactions, { id = "txn_1" }))
    assert.is_truthy(check.find(transactions, { id = "txn_2" }))
  end)

  it("turns a write into a draft that changes nothing", function()
    local action = ledger.create()
    local draft, data = ledger.draft(g.agent, action)
    assert.equal("draft", draft.status)
    assert.is_string(data.review_path)
    assert.equal(0, ledger.count(g.agent, action.payload.title))
    local seen = check.ok(g.agent:get("/drafts/" .. draft.id))
    assert.equal(draft.id, seen.draft.id)
    assert.equal(json.null, seen.execution)
  end)

  it("executes a draft when a person approves it, and says so to the agent", function()
    local action = ledger.create()
    local draft = ledger.draft(g.agent, action)
    local approved = ledger.approve(g.admin, draft)
    assert.equal("confirmed", approved.draftStatus)
    assert.equal("success", approved.execution.status)
    assert.equal(1, ledger.count(g.agent, action.payload.title))
    local seen = check.ok(g.agent:get("/drafts/" .. draft.id))
    assert.equal("confirmed", seen.draft.status)
    assert.equal(approved.execution.id, seen.execution.id)
    assert.equal(action.payload.title, seen.execution.result.transaction.title)
  end)

  it("cancels a draft when a person rejects it", function()
    local action = ledger.create()
    local draft = ledger.draft(g.agent, action)
    local rejected = check.ok(g.admin:post("/drafts/" .. draft.id .. "/reject", { reason = "not this month" }))
    assert.equal(true, rejected.ok)
    assert.equal("canceled", rejected.draft.status)
    local seen = check.ok(g.agent:get("/drafts/" .. draft.id))
    assert.equal("canceled", seen.draft.status)
    assert.equal("not this month", seen.draft.review.reason)
    assert.equal(0, ledger.count(g.agent, action.payload.title))
  end)

  it("deletes what an approved delete names", function()
    local made = ledger.approve(g.admin, ledger.draft(g.agent, ledger.create())).execution.result.transaction
    local deleted = ledger.approve(g.admin, ledger.draft(g.agent, ledger.delete(made.id)))
    assert.same(json.object { id = made.id, deleted = true }, deleted.execution.result.deleted)
    assert.is_nil(ledger.find(g.agent, made.id))
  end)

  it("has every step of it in the audit trail", function()
    local draft = ledger.draft(g.agent, ledger.create())
    ledger.approve(g.admin, draft)
    local rows = {}
    for _, row in ipairs(g:audit { appId = g.credentials.app_id }) do
      if row.draft_id == draft.id then rows[#rows + 1] = row end
    end
    assert.is_truthy(check.find(rows, { action = "agent.action.draft.created", status = "success" }))
    assert.is_truthy(check.find(rows, { action = "agent.draft.approve", status = "success" }))
    assert.is_truthy(check.find(g:audit(), { action = "agent.transaction.list", status = "success" }))
  end)

  it("is all there after a restart", function()
    local action, waiting = ledger.create(), ledger.create()
    local done, pending = ledger.draft(g.agent, action), ledger.draft(g.agent, waiting)
    ledger.approve(g.admin, done)
    local rows = #g:audit()
    g:restart()
    assert.equal("confirmed", check.ok(g.agent:get("/drafts/" .. done.id)).draft.status)
    assert.equal("draft", check.ok(g.agent:get("/drafts/" .. pending.id)).draft.status)
    assert.is_true(#g:audit() >= rows)
    assert.equal(1, ledger.count(g.agent, action.payload.title))
    assert.equal("confirmed", ledger.approve(g.admin, pending).draftStatus)
    assert.equal(1, ledger.count(g.agent, waiting.payload.title))
  end)
end)
