-- SPDX-License-Identifier: MIT
local expect = require "spec.conformance.expect"
local http = require "spec.support.http"
local json = require "spec.support.json"
local kit = require "spec.conformance.kit"

local default_body_bytes <const> = 256 * 1024
local most_requests <const> = 5000

describe("#abuse", function()
  local t, app

  setup(function() t = kit.start(function(reason) pending(reason) end) end)
  teardown(function() kit.finish(t) end)

  -- The agent that misbehaves; an app of its own where people can be asked what became of it.
  local function agent()
    if kit.has_admin() and not app then
      app = t:app()
    end
    return app and app.client or t:agent()
  end

  local function post_bytes(path, body, headers)
    return agent():request { method = "POST", path = path, body = body, headers = headers }
  end

  describe("a body", function()
    for name, body in pairs {
      ["that is cut off"] = '{"action":"x","payload":{"a":1',
      ["that is empty"] = "",
      ["that is not an object"] = '["x"]',
      ["that is a string"] = '"x"',
      ["that is null"] = "null",
      ["with something after it"] = '{"action":"x","payload":{}} {}',
      ["with NaN"] = '{"action":"x","payload":{"a":NaN}}',
      ["with a comma too many"] = '{"action":"x","payload":{},}',
      ["with single quotes"] = "{'action':'x','payload':{}}",
      ["with a line break in a string"] = '{"action":"x\ny","payload":{}}',
      ["of binary rubbish"] = "\0\1\2\255\254\128{}",
    } do
      it(name .. " is refused", function()
        for _, path in ipairs { "/actions", "/preflight" } do
          expect.refused(post_bytes(path, body), 400, "common.validation")
        end
      end)
    end

    it("that is nested without end is refused", function()
      local body = '{"action":"x","payload":' .. ("["):rep(20000) .. ("]"):rep(20000) .. "}"
      expect.refused(post_bytes("/actions", body), 400)
    end)

    it("that is not called JSON is refused", function()
      local response = post_bytes("/actions", json.encode(t:create()), { ["Content-Type"] = "text/plain" })
      expect.refused(response, { 415, 400 }, { "common.unsupported_media_type", "common.validation" })
    end)

    it("that is too large is refused", function()
      local most = tonumber(kit.setting("OPP_MAX_BODY") or default_body_bytes)
      local action = t:create()
      action.payload.kit_padding = ("x"):rep(most + 1)
      local body = json.encode(action)
      local bytes = ("POST %s/api/agent/v1/actions HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
        .. "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"):format(t.base, t.address.host,
        t.address.port, agent().token, #body, body)
      local response = assert(http.raw(t.address, bytes), "the connection was closed without an answer")
      expect.refused(response, 413, "common.payload_too_large")
    end)
  end)

  describe("a field", function()
    it("of the wrong type is refused, null included", function()
      for field, value in pairs { action = 1, payload = "x", execute = "true", forceDraft = json.null, requestId = 7,
        idempotencyKey = json.array { "k" }, preflightId = false, justification = json.object {} } do
        expect.refused(agent():post("/actions", t:create { [field] = value }), 400, "common.validation")
      end
    end)

    it("that is needed and missing is refused", function()
      expect.refused(agent():post("/actions", { payload = json.object {} }), 400, "common.validation")
      expect.refused(agent():post("/actions", { action = t:create().action }), 400, "common.validation")
      expect.refused(agent():post("/preflight", { action = t:create().action }), 400, "common.validation")
    end)

    it("of the payload that is nonsense never executes", function()
      local refused = { "agent.action_invalid", "agent.policy_denied", "common.validation" }
      for _, wrong in ipairs { json.null, true, -1, "\0", json.array {}, json.object {} } do
        local action = t:create { execute = true }
        for name in pairs(action.payload) do
          action.payload[name] = wrong
        end
        local response = agent():post("/actions", action)
        -- Some servers look at a payload when it is executed.
        if response.status == 200 then
          assert.equal("draft", expect.ok(response).status)
        else
          expect.refused(response, { 400, 403 }, refused)
        end
      end
    end)
  end)

  describe("an action", function()
    it("that nobody knows is refused", function()
      for _, name in ipairs { "kit.no_such_action", "constructor", "__proto__", "../actions", ("x"):rep(5000) } do
        for _, path in ipairs { "/actions", "/preflight" } do
          local response = agent():post(path, { action = name, payload = json.object {} })
          expect.refused(response, 400, { "agent.action_unknown", "common.validation" })
        end
      end
      local response = agent():post("/actions", { action = "kit.no_such_action", payload = json.object {} })
      expect.refused(response, 400, "agent.action_unknown")
    end)

    it("that is a read is refused", function()
      for name, tool in pairs(kit.tools(agent())) do
        if tool.kind == "read" then
          expect.refused(agent():post("/actions", { action = name, payload = json.object {} }), 400,
            "agent.action_unknown")
        end
      end
    end)
  end)

  describe("a path or a query", function()
    it("of any shape is the caller's fault, not the server's", function()
      for _, id in ipairs { "..", "%2e%2e%2f%2e%2e", "%00", "%ff", "'%20OR%201=1%20--", "%3Cscript%3E", ("x"):rep(2000),
        "drf_", "*", "%7B%7D" } do
        local body = expect.no_fault(agent():get("/drafts/" .. id))
        assert.is_false(body.ok, id)
      end
    end)

    it("with nonsense in it is the caller's fault, not the server's", function()
      local effect = t.fixture.effect
      if not effect then
        t.skip("the fixture has no effect")
      end
      for name in pairs(effect.query) do
        for _, wrong in ipairs { "", "-1", "1e999", "' OR 1=1 --", "\0", "\255", ("x"):rep(1000) } do
          expect.no_fault(agent():get(effect.path, kit.merge(kit.merge({}, effect.query), { [name] = wrong })))
        end
      end
    end)
  end)

  describe("all that was refused", function()
    it("gave nothing away of what is inside the server", function()
      for _, response in ipairs { post_bytes("/actions", "{"), agent():get("/drafts/'"), t:root():get("/nothing"),
        (agent():post("/actions", { action = "kit.no_such_action", payload = json.object {} })) } do
        for _, inside in ipairs { "SELECT ", "traceback", "stack", "at /", "node_modules" } do
          assert.is_nil(response.text:find(inside, 1, true), response.text)
        end
      end
    end)

    it("left nothing to decide and the server at work", function()
      if not kit.has_admin() then
        t.skip("needs OPP_ADMIN_TOKEN")
      end
      local mine = t:app()
      for _ = 1, 3 do
        expect.refused(mine.client:request { method = "POST", path = "/actions", body = "{" }, 400)
        expect.refused(mine.client:post("/actions", { action = "kit.no_such_action", payload = json.object {} }), 400)
      end
      assert.equal(0, #t:pending_drafts(mine.app.id))
      assert.equal("draft", kit.draft(mine.client, t:create()).status)
    end)
  end)

  describe("many keys", function()
    it("of one app all work, and one that is revoked takes no other with it", function()
      local mine, keys = t:app(), {}
      for i = 1, 20 do
        keys[i] = t:key(mine, { name = "key " .. i })
      end
      expect.ok(t:admin():post("/keys/" .. keys[7].key.id .. "/revoke", json.object {}))
      for i, key in ipairs(keys) do
        local response = key.client:get("/manifest")
        if i == 7 then
          expect.refused(response, 401, "agent.token_invalid")
        else
          assert.equal(mine.app.id, expect.ok(response).app.id)
        end
      end
    end)

    it("for idempotency at the same time hold an intent each", function()
      local mine, requests, seen = t:app(), {}, {}
      for i = 1, 40 do
        requests[i] = { method = "POST", path = "/actions", json = t:create { idempotencyKey = t:word() } }
      end
      for _, response in ipairs(http.parallel(mine.client, requests, 8)) do
        local draft = expect.ok(response).draft
        assert.is_nil(seen[draft.id])
        seen[draft.id] = true
      end
      assert.equal(40, #t:pending_drafts(mine.app.id))
    end)
  end)

  describe("the rate limit", function()
    -- Sends equal requests at once; gives how many were answered 200 and how many 429, and refuses anything else.
    local function storm(client, request, count)
      local requests, passed, refused = {}, 0, 0
      for i = 1, count do
        requests[i] = request(i)
      end
      for _, response in ipairs(http.parallel(client, requests, 16)) do
        if response.status == 429 then
          refused = refused + 1
          expect.refused(response, 429, "agent.rate_limited")
          assert.is_true(tonumber(response.headers["retry-after"]) >= 1)
        else
          passed = passed + 1
          expect.ok(response)
        end
      end
      return passed, refused
    end

    it("refuses what is too much, with no side effect", function()
      local limit = tonumber(kit.setting("OPP_RATE_LIMIT") or nil)
      if not limit then
        t.skip("needs OPP_RATE_LIMIT, the requests a minute that the server permits a key")
      elseif limit > most_requests then
        t.skip("the kit does not send more than " .. most_requests .. " requests to reach a limit")
      end
      local mine = t:app()
      local function ask() return { method = "GET", path = "/manifest" } end
      local _, refused = storm(mine.client, ask, 2 * limit + 20)
      assert.is_true(refused > 0, "no request was refused")
      local passed, late = storm(mine.client, function()
        return { method = "POST", path = "/actions", json = t:create { idempotencyKey = t:word() } }
      end, 40)
      assert.is_true(late > 0, "no action was refused")
      assert.equal(passed, #t:pending_drafts(mine.app.id))
      expect.ok(t:app().client:get("/manifest"))
    end)
  end)
end)
