-- SPDX-License-Identifier: MIT
-- A draft whose row was damaged on disk stands in nobody's way: it is shown as what is left of it, and can be ended.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"

describe("a draft whose record is damaged", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function damage(draft, fields)
    db.change(g.data .. "/gateway.db", ("UPDATE drafts SET %s WHERE id = :id"):format(fields or "impact = '{'"),
      { id = draft.id })
  end

  -- An app with a sound draft before and after a damaged one.
  local function three()
    local app = g:app()
    local drafts = {}
    for i = 1, 3 do
      drafts[i] = ledger.draft(app.client, ledger.create())
    end
    damage(drafts[2])
    return app, drafts
  end

  local function ids(items)
    local found = {}
    for i, item in ipairs(items) do
      found[i] = item.id .. (item.damaged and " damaged" or "")
    end
    return found
  end

  it("is listed as damaged among the others", function()
    local app, drafts = three()
    local expected = { drafts[3].id, drafts[2].id .. " damaged", drafts[1].id }
    assert.same(expected, ids(check.ok(app.client:get("/drafts")).items))
    assert.same(expected, ids(check.ok(g.admin:get("/drafts", { appId = app.app.id })).items))
  end)

  it("is shown, is not approved, and can be rejected", function()
    local app, drafts = three()
    assert.is_true(check.ok(app.client:get("/drafts/" .. drafts[2].id)).draft.damaged)
    assert.is_true(check.ok(g.admin:get("/drafts/" .. drafts[2].id)).draft.damaged)
    local approved = g.admin:post("/drafts/" .. drafts[2].id .. "/approve")
    local details = check.refused(approved, 409, "agent.precondition_failed")
    assert.equal("damaged", details.reason)
    assert.equal("canceled", check.ok(g.admin:post("/drafts/" .. drafts[2].id .. "/reject")).draft.status)
  end)

  it("can be canceled by its agent", function()
    local app, drafts = three()
    assert.equal("canceled", check.ok(app.client:post("/drafts/" .. drafts[2].id .. "/cancel")).draft.status)
  end)

  it("is canceled with its key, as the others", function()
    local app, drafts = three()
    check.ok(g.admin:post("/keys/" .. app.key.id .. "/revoke"))
    for _, draft in ipairs(drafts) do
      assert.equal("canceled", check.ok(g.admin:get("/drafts/" .. draft.id)).draft.status)
    end
  end)

  it("is canceled with its app, as the others", function()
    local app, drafts = three()
    check.ok(g.admin:post("/apps/" .. app.app.id .. "/revoke"))
    for _, draft in ipairs(drafts) do
      assert.equal("canceled", check.ok(g.admin:get("/drafts/" .. draft.id)).draft.status)
    end
  end)

  it("expires, and lets the others expire", function()
    local _, drafts = three()
    for _, draft in ipairs(drafts) do
      damage(draft, "expires_at = 1")
    end
    gateway.eventually("all of them expire", function()
      local sql = "SELECT id FROM drafts WHERE expires_at = 1 AND status = 'canceled'"
      return #db.rows(g.data .. "/gateway.db", sql) == 3
    end)
  end)

  it("has an execution whose damaged result is shown as such", function()
    local app = g:open_app()
    local _, data = ledger.execute(app.client, ledger.create())
    db.change(g.data .. "/gateway.db", "UPDATE executions SET result = '{' WHERE id = :id", { id = data.execution.id })
    local shown = check.ok(app.client:get("/drafts/" .. data.draft.id))
    assert.same({ "success", true }, { shown.execution.status, shown.execution.damaged })
    assert.equal(1, #check.ok(g.admin:get("/drafts", { appId = app.app.id })).items)
  end)
end)
