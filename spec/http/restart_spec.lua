-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("what was answered", function()
  local g

  before_each(function() g = gateway.start() end)
  after_each(function() gateway.stop(g) end)

  -- What must be the same before and after.
  local function picture(app)
    local rows = g:audit()
    return {
      apps = json.encode(check.find(check.ok(g.admin:get("/apps", { limit = 500 })).items, { id = app.app.id }).policy),
      windows = json.encode(check.find(check.ok(g.admin:get("/apps")).items, { id = app.app.id }).auto_execute),
      drafts = json.encode(check.ok(app.client:get("/drafts"))),
      transactions = json.encode(check.ok(app.client:get("/transactions"))),
      oldest = json.encode(rows[#rows]),
    }
  end

  for name, ending in pairs { ["an orderly end"] = "terminate", ["a kill without warning"] = "kill" } do
    it("is all there after " .. name, function()
      local app = g:open_app { policy = { data = { max_days = 3650 } } }
      ledger.execute(app.client, ledger.create())
      ledger.approve(g.admin, ledger.draft(app.client, ledger.create()))
      check.ok(g.admin:post("/drafts/" .. ledger.draft(app.client, ledger.create()).id .. "/reject"))
      local revoked = g:app()
      check.ok(g.admin:post("/keys/" .. revoked.key.id .. "/revoke"))
      local before = picture(app)
      local code = g[ending](g)
      assert.is_true(ending == "kill" or code == 0)
      g:restart()
      assert.same(before, picture(app))
      check.refused(revoked.client:get("/manifest"), 401, "agent.token_invalid")
      assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    end)
  end

  it("is there also when the end comes in the middle of many", function()
    local app, requests = g:open_app(), {}
    for i = 1, 120 do
      requests[i] = ledger.request(ledger.create { execute = i % 2 == 0 })
    end
    local answers = http.parallel(app.client, requests, 16)
    g:kill()
    g:restart()
    local drafts, cursor = {}, nil
    repeat
      local page = check.ok(app.client:get("/drafts", { limit = 500, cursor = cursor }))
      for _, draft in ipairs(page.items) do drafts[draft.id] = draft.status end
      cursor = page.nextCursor
    until cursor == json.null
    local titles = {}
    for _, txn in ipairs(ledger.list(app.client, { ledgerId = "ledger_main" })) do titles[txn.title] = true end
    for i, response in ipairs(answers) do
      local data = check.ok(response)
      local executed = data.status == "executed"
      assert.equal(executed and "confirmed" or "draft", drafts[data.draft.id])
      assert.equal(executed or nil, titles[requests[i].json.payload.title])
    end
  end)

  it("keeps a preflight over a restart", function()
    local app = g:open_app()
    local action = ledger.create()
    local flight = ledger.preflight(app.client, action)
    g:restart()
    ledger.execute(app.client, { action = action.action, preflightId = flight.preflightId })
    assert.equal(1, ledger.count(app.client, action.payload.title))
  end)

  it("cannot be touched by a second gateway on the same data", function()
    local output, code = gateway.run(("serve --data %s --listen 127.0.0.1:0 --policies policies --adapters adapters")
      :format(g.data))
    assert.is_true(code ~= 0)
    assert.is_true(#output > 0)
    check.ok(g.agent:get("/manifest"))
  end)
end)
