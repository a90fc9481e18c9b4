-- SPDX-License-Identifier: MIT
local expect = require "spec.conformance.expect"
local json = require "spec.support.json"
local kit = require "spec.conformance.kit"
local socket = require "socket"

-- An RFC 3339 time of the server's, some seconds later.
local function later(time, seconds)
  local y, mo, d, h, mi, s = time:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  local at = os.time { year = y, month = mo, day = tonumber((d)), hour = h, min = mi, sec = tonumber((s)) }
  return os.date("%Y-%m-%dT%H:%M:%S.000Z", at + seconds)
end

describe("#authz", function()
  local t

  setup(function() t = kit.start(function(reason) pending(reason) end) end)
  teardown(function() kit.finish(t) end)

  local function unknown(client, path)
    expect.refused(client:get(path or "/manifest"), 401, "agent.token_invalid")
  end

  describe("a token", function()
    it("is needed", function()
      unknown(t:agent_client(nil))
      expect.refused(t:agent_client(nil):post("/actions", t:create()), 401, "agent.token_invalid")
    end)

    it("is a Bearer token", function()
      local headers = { Authorization = "Basic " .. t:agent().token }
      expect.refused(t:agent_client(nil):get("/manifest", nil, headers), 401, "agent.token_invalid")
    end)

    it("is one that the server gave", function()
      local token = t:agent().token
      for _, wrong in ipairs { "x", token:sub(1, -2), token .. "A" } do
        unknown(t:agent_client(wrong))
      end
    end)

    it("of an agent is none of a person", function()
      local response = t:admin_client(t:agent().token):get("/apps")
      expect.refused(response, { 401, 403 }, { "agent.token_invalid", "agent.forbidden" })
    end)

    it("of a person is none of an agent", function()
      local token = kit.setting("OPP_ADMIN_TOKEN")
      if not token then
        t.skip("needs OPP_ADMIN_TOKEN")
      end
      unknown(t:agent_client(token))
    end)

    it("cannot be replaced by saying who one is", function()
      if kit.setting("OPP_ADMIN_USER") then
        t.skip("OPP_ADMIN_USER says that people are known by a header on this server")
      end
      expect.refused(t:admin_client(nil):get("/apps", nil, { ["x-admin-user"] = "admin" }), 401, "agent.token_invalid")
    end)

    it("is shown once", function()
      local app = t:app()
      local listed = t:admin():get("/apps", { limit = 500 })
      expect.ok(listed)
      assert.is_nil(listed.text:find(app.token, 1, true))
    end)

    it("is worth nothing after its key was revoked, without the app's others", function()
      local app = t:app()
      local other = t:key(app)
      local draft = kit.draft(other.client, t:create())
      expect.ok(t:admin():post("/keys/" .. app.key.id .. "/revoke", json.object {}))
      unknown(app.client)
      expect.refused(app.client:get("/drafts/" .. draft.id), 401, "agent.token_invalid")
      expect.refused(app.client:post("/actions", t:create()), 401, "agent.token_invalid")
      expect.ok(other.client:get("/manifest"))
    end)

    it("is worth nothing after its app was revoked, also when the app comes back", function()
      local app = t:app()
      assert.equal("revoked", expect.ok(t:admin():post("/apps/" .. app.app.id .. "/revoke", json.object {})).app.status)
      unknown(app.client)
      assert.equal("active", expect.ok(t:admin():post("/apps/" .. app.app.id .. "/restore", json.object {})).app.status)
      unknown(app.client)
      expect.ok(t:key(app).client:get("/manifest"))
    end)

    it("expires with its key", function()
      local app = t:app()
      local key = t:key(app, { expiresAt = later(app.key.created_at, 4) })
      expect.ok(key.client:get("/manifest"))
      local deadline, response = socket.gettime() + 20
      repeat
        socket.sleep(0.5)
        response = key.client:get("/manifest")
      until response.status ~= 200 or socket.gettime() > deadline
      expect.refused(response, 401, "agent.token_expired")
    end)
  end)

  describe("a scope that is missing", function()
    -- An app that lacks one scope of the fixture's create, and that scope.
    local function lacking()
      local missing = t:tool("create").requiredScopes[1]
      if not missing then
        t.skip("the fixture's create needs no scope")
      end
      local scopes = json.array {}
      for _, scope in ipairs(t.fixture.scopes) do
        scopes[#scopes + 1] = scope ~= missing and scope or nil
      end
      return t:app({ scopes = scopes }).client, missing
    end

    it("hides the tool", function()
      local client = lacking()
      assert.is_nil(kit.tools(client)[t:create().action])
    end)

    it("is named when the tool is used all the same", function()
      local client, missing = lacking()
      for _, path in ipairs { "/preflight", "/actions" } do
        local details = expect.refused(client:post(path, t:create()), 403, "agent.scope_denied")
        expect.contains(details.missing, missing)
      end
    end)
  end)

  describe("the boundary", function()
    -- The answers about one thing of another tenant's, or about nobody's.
    local function ask(case, id)
      local filled = kit.fill(case, { id = id })
      if filled.path then
        return { t:agent():get(filled.path, filled.query) }
      end
      local body = { action = filled.action, payload = filled.payload }
      return { t:agent():post("/preflight", body), (t:agent():post("/actions", body)) }
    end

    it("refuses what is another tenant's and says nothing of it", function()
      if not t.fixture.foreign then
        t.skip("the fixture has nothing foreign")
      end
      for _, case in ipairs(t.fixture.foreign) do
        local theirs, nobodys = ask(case, case.theirs), ask(case, case.nobodys)
        for i, response in ipairs(theirs) do
          expect.refused(response, { 403, 404 })
          expect.refused(nobodys[i], { 403, 404 })
          -- Where unknown resources have a status of their own (404), that is how this server differs.
          assert.is_true(response.status ~= nobodys[i].status or response.body.code == nobodys[i].body.code)
          for _, secret in ipairs(t.fixture.secrets or {}) do
            assert.is_nil(response.text:find(secret, 1, true), response.text)
          end
        end
      end
    end)

    it("keeps drafts to their app", function()
      local draft, other = kit.draft(t:agent(), t:create()), t:app().client
      expect.refused(other:get("/drafts/" .. draft.id), 404, "agent.draft_not_found")
    end)

    it("keeps idempotency keys to their app", function()
      local action = t:create { idempotencyKey = t:word() }
      local other = t:app({ auto_execute = kit.open_windows }).client
      local mine, theirs = t:execute(t:open(), action), t:execute(other, action)
      assert.not_equal(mine.id, theirs.id)
      assert.equal(2, t:effects(t:open(), action))
    end)

    it("holds an app to the addresses that its policy names", function()
      local app = t:app()
      expect.ok(app.client:get("/manifest"))
      local policy = { network = { allowed_ips = { "192.0.2.7" } } }
      expect.ok(t:admin():patch("/apps/" .. app.app.id .. "/policy", policy))
      expect.refused(app.client:get("/manifest"), 403, "agent.policy_denied")
    end)
  end)

  describe("an administrator", function()
    it("must say who it is", function()
      for _, path in ipairs { "/apps", "/drafts", "/audit" } do
        unknown(t:admin_client(nil), path)
      end
    end)

    it("is asked before a draft is decided", function()
      local draft = kit.draft(t:agent(), t:create())
      for _, verb in ipairs { "approve", "reject" } do
        local path = "/drafts/" .. draft.id .. "/" .. verb
        expect.refused(t:admin_client(nil):post(path, json.object {}), 401)
        expect.refused(t:admin_client(t:agent().token):post(path, json.object {}), { 401, 403 })
      end
      assert.equal("draft", expect.ok(t:agent():get("/drafts/" .. draft.id)).draft.status)
    end)

    it("finds nothing that does not exist", function()
      for _, path in ipairs { "/apps/app_none/revoke", "/keys/key_none/revoke" } do
        expect.refused(t:admin():post(path, json.object {}), 404, "agent.not_found")
      end
      expect.refused(t:admin():get("/drafts/drf_none"), 404, { "agent.draft_not_found", "agent.not_found" })
    end)
  end)
end)
