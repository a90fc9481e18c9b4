-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"

describe("the rate limit", function()
  local g

  setup(function() g = gateway.start { rate_limit = 4 } end)
  teardown(function() gateway.stop(g) end)

  local function refused(response)
    local details = check.refused(response, 429, "agent.rate_limited")
    assert.equal("rate", details.reason)
    assert.equal("same", details.recovery)
    local wait = tonumber(response.headers["retry-after"])
    assert.is_true(wait >= 1 and wait <= 60)
    assert.is_string(response.headers["ratelimit-policy"])
    assert.is_string(response.headers.ratelimit)
  end

  it("refuses what is too much, with no side effect at all", function()
    local app = g:app { auto_execute = gateway.open_windows }
    for _ = 1, 4 do
      ledger.draft(app.client, ledger.create())
    end
    local rows = #g:audit()
    local action = ledger.create { execute = true, idempotencyKey = "limited" }
    refused(app.client:post("/actions", action))
    refused(app.client:post("/preflight", { action = action.action, payload = action.payload }))
    refused(app.client:get("/ledgers"))
    refused(app.client:get("/manifest"))
    assert.equal(4, #check.ok(g.admin:get("/drafts", { appId = app.app.id })).items)
    assert.equal(rows, #g:audit())
  end)

  it("counts every key for itself", function()
    local one, two = g:app(), g:app()
    for _ = 1, 4 do
      check.ok(one.client:get("/manifest"))
    end
    refused(one.client:get("/manifest"))
    check.ok(two.client:get("/manifest"))
    local key = check.ok(g.admin:post("/apps/" .. one.app.id .. "/keys", { name = "second" }))
    check.ok(g:agent_client(key.token):get("/manifest"))
  end)

  it("is one for all connections and workers", function()
    local app, passed = g:app(), 0
    for _ = 1, 12 do
      passed = passed + (g:agent_client(app.token):get("/manifest").status == 200 and 1 or 0)
    end
    assert.equal(4, passed)
  end)

  it("comes before the request is read", function()
    local app = g:app()
    for _ = 1, 4 do
      check.ok(app.client:get("/manifest"))
    end
    refused(app.client:request { method = "POST", path = "/actions", body = "{" })
  end)
end)
