-- SPDX-License-Identifier: MIT
local expect = require "spec.conformance.expect"
local json = require "spec.support.json"
local kit = require "spec.conformance.kit"

describe("#core", function()
  local t

  setup(function() t = kit.start(function(reason) pending(reason) end) end)
  teardown(function() kit.finish(t) end)

  describe("the manifest", function()
    it("says whose it is", function()
      local data = expect.ok(t:agent():get("/manifest"))
      expect.members(data, { "app", "tools" })
      expect.members(data.app, { "id", "name", "scope", "orgId" })
      assert.is_string(data.app.id)
      expect.contains({ "personal", "workspace" }, data.app.scope)
    end)

    it("is the given token's app's", function()
      local id = kit.setting("OPP_APP_ID")
      if not id then
        t.skip("needs OPP_APP_ID, the app of OPP_AGENT_TOKEN")
      end
      assert.equal(id, expect.ok(t:given_agent():get("/manifest")).app.id)
    end)

    it("describes every tool", function()
      local count = 0
      for name, tool in pairs(kit.tools(t:agent())) do
        expect.members(tool, expect.tool_members)
        expect.contains({ "read", "action" }, tool.kind)
        expect.contains({ "low", "medium", "high" }, tool.risk)
        assert.is_boolean(tool.requiresConfirmation, name)
        assert.is_table(tool.requiredScopes, name)
        assert.is_table(tool.inputSchema, name)
        expect.members(tool.http, { "method", "path" })
        count = count + 1
      end
      assert.is_true(count > 0, "the app has scopes and the manifest has no tool")
    end)

    it("puts the payload of an action inside", function()
      local tool = t:tool("create")
      assert.same({ "action", "POST" }, { tool.kind, tool.http.method })
      assert.equal("object", tool.inputSchema.type)
      expect.contains(tool.inputSchema.required, "payload")
      assert.is_not_nil(tool.inputSchema.properties.payload)
    end)
  end)

  describe("a read", function()
    it("is answered on the path that the manifest names", function()
      local asked = 0
      for name, tool in pairs(kit.tools(t:agent())) do
        local needs = tool.inputSchema.required
        if tool.kind == "read" and tool.http.method == "GET" and not tool.http.path:find("[:{]")
          and (type(needs) ~= "table" or #needs == 0) then
          local response = t:root():request { method = "GET", path = tool.http.path, token = t:agent().token }
          assert.is_not_nil(expect.ok(response), name)
          asked = asked + 1
        end
      end
      if asked == 0 then
        t.skip("the manifest has no read without parameters")
      end
    end)

    it("with a query is answered", function()
      assert.equal(0, t:effects(t:agent(), t:create()))
    end)
  end)

  describe("a preflight", function()
    it("shows impact, hashes and a handle", function()
      local action = t:create()
      local flight = kit.preflight(t:agent(), action)
      expect.members(flight, { "action", "risk", "requiresConfirmation", "impact", "impactHash", "stateWitness",
        "stateWitnessHash", "preflightId" })
      assert.equal(action.action, flight.action)
      assert.equal(t:tool("create").risk, flight.risk)
      assert.is_string(flight.preflightId)
      expect.hash(flight.impactHash)
    end)
  end)

  describe("an action", function()
    it("becomes a draft, which its app can read", function()
      local action = t:create { requestId = "req-of-the-kit" }
      local draft, data = kit.draft(t:agent(), action)
      assert.equal(json.null, data.autoExecuteDeniedCode)
      assert.is_string(data.review_path)
      assert.same({ "draft", action.action, false }, { draft.status, draft.action_type, draft.auto_execute_requested })
      local seen = expect.ok(t:agent():get("/drafts/" .. draft.id))
      expect.members(seen, { "draft", "execution" })
      assert.same({ draft.id, "draft", json.null }, { seen.draft.id, seen.draft.status, seen.execution })
      expect.members(seen.draft, expect.draft_members)
    end)

    it("has no effect while it is a draft", function()
      local action = t:create()
      kit.draft(t:agent(), action)
      assert.equal(0, t:effects(t:agent(), action))
    end)
  end)

  describe("what does not exist", function()
    it("is an unknown draft", function()
      expect.refused(t:agent():get("/drafts/drf_none"), 404, "agent.draft_not_found")
    end)

    it("is an unknown route, for whoever asks", function()
      for _, path in ipairs { "/nothing", "/api/agent/v1/nothing", "/api/agent/v1/drafts/a/b",
        "/api/agent-admin/v1/nothing" } do
        local response = t:root():get(path)
        expect.refused(response, { 404, 401 }, { "common.not_found", "agent.token_invalid" })
      end
      expect.refused(t:agent():get("/nothing"), 404, "common.not_found")
    end)

    it("is a route with another method", function()
      expect.refused(t:agent():delete("/manifest"), { 404, 405 }, { "common.not_found", "common.method_not_allowed" })
      expect.refused(t:agent():get("/actions"), { 404, 405 }, { "common.not_found", "common.method_not_allowed" })
    end)
  end)

  describe("every answer", function()
    it("is kept by no cache and taken for nothing but JSON", function()
      for _, response in ipairs { t:root():get("/nothing"), t:agent():get("/drafts/drf_none"),
        (t:agent():post("/actions", t:create())) } do
        expect.envelope(response)
        assert.equal("no-store", response.headers["cache-control"])
        assert.equal("nosniff", response.headers["x-content-type-options"])
      end
    end)

    it("says without a token that the server lives", function()
      assert.equal(200, t:root():get("/healthz").status)
    end)
  end)
end)
