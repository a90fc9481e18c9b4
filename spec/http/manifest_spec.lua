-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"

describe("the manifest", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function tools_of(client)
    local tools = {}
    for _, tool in ipairs(check.ok(client:get("/manifest")).tools) do
      tools[tool.name] = tool
    end
    return tools
  end

  it("says whose it is", function()
    local app = g:app { name = "Bookkeeper" }
    local seen = check.ok(app.client:get("/manifest")).app
    assert.same({ app.app.id, "Bookkeeper", "workspace", "org_demo" }, { seen.id, seen.name, seen.scope, seen.orgId })
  end)

  it("describes a read tool with its path and query", function()
    local tool = tools_of(g.agent)["transaction.list"]
    assert.equal("read", tool.kind)
    assert.equal("low", tool.risk)
    assert.equal("GET", tool.http.method)
    assert.equal("/api/agent/v1/transactions", tool.http.path)
    assert.same({ "transaction.read" }, { table.unpack(tool.requiredScopes) })
    assert.is_false(tool.requiresConfirmation)
    assert.is_table(tool.inputSchema.properties.ledgerId)
    assert.is_table(tool.outputSchema.properties.items)
    assert.equal("read", tool.now.mode)
  end)

  it("describes an action with its payload inside", function()
    local tool = tools_of(g.agent)["transaction.hard_delete"]
    assert.equal("action", tool.kind)
    assert.equal("high", tool.risk)
    assert.equal("POST", tool.http.method)
    assert.equal("/api/agent/v1/actions", tool.http.path)
    assert.is_true(tool.requiresConfirmation)
    assert.equal("object", tool.inputSchema.type)
    assert.same({ "payload" }, { table.unpack(tool.inputSchema.required) })
    assert.is_table(tool.inputSchema.properties.payload.properties.transactionId)
    assert.equal("draft", tool.draftPolicy.defaultMode)
    assert.is_boolean(tool.draftPolicy.highRiskRequiresPreflight)
    assert.is_boolean(tool.draftPolicy.highRiskRequiresIdempotency)
    assert.is_boolean(tool.draftPolicy.highRiskRequiresJustification)
    assert.is_string(tool.rateLimitHints.bucket)
    assert.is_number(tool.rateLimitHints.limitPerMinute)
  end)

  it("has the risks of the ledger's tools", function()
    local risks = {}
    for name, tool in pairs(tools_of(g.agent)) do risks[name] = tool.risk end
    assert.same({ ["ledger.list"] = "low", ["transaction.list"] = "low", ["transaction.create"] = "medium",
      ["transaction.update"] = "medium", ["transaction.delete"] = "high", ["transaction.hard_delete"] = "high",
      ["transactions.export_csv"] = "high" }, risks)
  end)

  it("shows only what the scopes permit", function()
    local tools = tools_of(g:app({ scopes = { "ledger.read", "transaction.export" } }).client)
    assert.is_table(tools["ledger.list"])
    assert.is_nil(tools["transaction.list"])
    assert.is_nil(tools["transactions.export_csv"])
    assert.is_nil(next(tools, next(tools)))
  end)

  it("is empty for an app without scopes", function()
    local data = check.ok(g:app({ scopes = json.array {} }).client:get("/manifest"))
    assert.equal(0, #data.tools)
    assert.equal("[]", json.encode(data.tools))
  end)

  it("says what a write would do now, and follows a window at once", function()
    local app = g:app()
    local before = tools_of(app.client)["transaction.create"].now
    assert.equal("draft", before.mode)
    assert.equal("agent.auto_execute_disabled", before.code)
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/auto-execute", { writes = { enabled = true } }))
    local tools = tools_of(app.client)
    assert.equal("execute", tools["transaction.create"].now.mode)
    assert.equal("draft", tools["transaction.delete"].now.mode)
  end)

  it("may be kept by its reader only, and is not sent again unchanged", function()
    local first = g.agent:get("/manifest")
    assert.equal("private, no-cache", first.headers["cache-control"])
    assert.is_truthy(first.headers.vary:find("Authorization"))
    local again = g.agent:get("/manifest", nil, { ["If-None-Match"] = first.headers.etag })
    assert.equal(304, again.status)
    assert.equal("", again.text)
    assert.equal(first.headers.etag, again.headers.etag)
  end)

  it("has another tag for another credential", function()
    local other = g:app({ scopes = { "ledger.read" } }).client
    local tag = g.agent:get("/manifest").headers.etag
    assert.equal(200, other:get("/manifest", nil, { ["If-None-Match"] = tag }).status)
  end)

  it("is sent anew as soon as a change was answered, on every worker", function()
    local app = g:app()
    for round = 1, 5 do
      local tag = app.client:get("/manifest").headers.etag
      local enabled = round % 2 == 1
      check.ok(g.admin:patch("/apps/" .. app.app.id .. "/auto-execute", { writes = { enabled = enabled } }))
      for _ = 1, 4 do
        local response = g:agent_client(app.token):get("/manifest", nil, { ["If-None-Match"] = tag })
        assert.equal(200, response.status)
        local tool = check.find(response.body.data.tools, { name = "transaction.create" })
        assert.equal(enabled and "execute" or "draft", tool.now.mode)
      end
    end
  end)

  it("follows a change of the app's scopes", function()
    local app = g:app()
    check.ok(g.admin:patch("/apps/" .. app.app.id, { scopes = { "ledger.read" } }))
    assert.is_nil(tools_of(app.client)["transaction.create"])
    check.refused(app.client:post("/actions", { action = "transaction.create", payload = json.object {} }), 403,
      "agent.scope_denied")
  end)
end)
