-- SPDX-License-Identifier: MIT
-- Whoever is not a person with a token changes nothing: every route that changes something, tried by all who may not.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local openapi = require "spec.support.openapi"

local admin <const> = "/api/agent-admin/v1"

describe("a route of people that changes something", function()
  local api = openapi.load()
  local g, root, app, draft, revoked

  setup(function()
    g = gateway.start { config = "limits: { auth_failures_per_minute: 100000 }\n" }
    root = g:client("")
    app = g:app()
    draft = ledger.draft(app.client, ledger.create())
    local person = g:person("leaver", { "owner", "operator", "reviewer" })
    check.ok(g.admin:post("/tokens/" .. person.admin_token.id .. "/revoke"))
    revoked = person.token
  end)
  teardown(function() gateway.stop(g) end)

  -- A body that the route would take, as far as any; what is refused must be refused whatever it says.
  local bodies = {
    createApp = { scope = "workspace", name = "Intruder", org_id = "org_demo" },
    createToken = { user_id = "intruder", name = "intruder", roles = { "owner" } },
    createFreeze = { scope = "gateway", mode = "off", reason = "Intruder." },
    setAutoExecute = gateway.open_windows,
    resolveDraft = { outcome = "applied", note = "Intruder." },
  }

  local function paths()
    local ids = { apps = app.app.id, keys = app.key.id, drafts = draft.id, tokens = "adm_0000000000000000000000000a" }
    local list = {}
    for _, operation in ipairs(api.operations) do
      local path = operation.path
      if path:find(admin, 1, true) == 1 and operation.method ~= "GET" then
        local kind = path:match("^/api/agent%-admin/v1/(%a+)")
        list[#list + 1] = { id = operation.id, method = operation.method,
          path = path:gsub("{[^}]+}", ids[kind] or "nothing"), body = bodies[operation.id] or { name = "Intruder" } }
      end
    end
    return list
  end

  local function ask(route, fields)
    local request = { method = route.method, path = route.path, token = fields.token, headers = fields.headers }
    if route.method ~= "DELETE" and not fields.bare then
      request.json = route.body
    end
    return root:request(request)
  end

  local strangers = {
    { "nobody", function() return {} end },
    { "somebody with a made-up token", function()
      return { token = g.admin.token:sub(1, -2) .. (g.admin.token:sub(-1) == "A" and "B" or "A") }
    end },
    { "an agent", function() return { token = app.token } end },
    { "a person whose token was revoked", function() return { token = revoked } end },
    { "a page of another site", function()
      return { headers = { Origin = "https://elsewhere.example", Cookie = "__Host-session=guess" } }
    end },
  }

  it("is not open to any who has no token of a person", function()
    local routes, before = paths(), #g:audit()
    assert.is_true(#routes > 15)
    for _, stranger in ipairs(strangers) do
      for _, route in ipairs(routes) do
        local ok, problem = pcall(check.refused, ask(route, stranger[2]()), 401, "agent.token_invalid")
        assert(ok, ("%s, %s: %s"):format(stranger[1], route.id, tostring(problem)))
      end
    end
    assert.equal(before, #g:audit())
    assert.equal("draft", check.ok(app.client:get("/drafts/" .. draft.id)).draft.status)
  end)

  it("does nothing when it is asked for with GET", function()
    local before = #g:audit()
    for _, route in ipairs(paths()) do
      local response = root:request { method = "GET", path = route.path, token = g.admin.token }
      assert(response.status == 405 or response.status == 200 or response.status == 404, route.id)
    end
    assert.equal(before, #g:audit())
    check.ok(app.client:get("/manifest"))
  end)

  it("is closed to a person who may only look, but for what is that person's own or changes nothing", function()
    local viewer = g:person("viewer_of_all", { "viewer" })
    local own = { beginSession = 200, endOwnSession = 404, endSession = 404, evaluatePolicies = 400 }
    for _, route in ipairs(paths()) do
      local response = ask(route, { token = viewer.token })
      assert(response.status == (own[route.id] or 403), ("%s answers %d"):format(route.id, response.status))
    end
    assert.equal("draft", check.ok(app.client:get("/drafts/" .. draft.id)).draft.status)
  end)
end)
