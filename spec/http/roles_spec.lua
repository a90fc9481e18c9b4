-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local roles <const> = { "viewer", "reviewer", "operator", "owner" }
local everyone <const> = { viewer = true, reviewer = true, operator = true, owner = true }
local reviewer <const>, operator <const>, owner <const> = { reviewer = true }, { operator = true }, { owner = true }

-- {method, path, body, who may}; {app}, {key}, {draft} and {token} stand for objects that are made for each request.
local routes <const> = {
  { "GET", "/apps", nil, everyone },
  { "GET", "/apps/{app}", nil, everyone },
  { "GET", "/apps/{app}/tools", nil, everyone },
  { "GET", "/tools", nil, everyone },
  { "GET", "/tools/transaction.delete", nil, everyone },
  { "GET", "/drafts", nil, everyone },
  { "GET", "/drafts/{draft}", nil, everyone },
  { "GET", "/audit", nil, everyone },
  { "GET", "/audit/verify", nil, everyone },
  { "GET", "/whoami", nil, everyone },
  { "POST", "/drafts/{draft}/approve", nil, reviewer },
  { "POST", "/drafts/{draft}/reject", nil, reviewer },
  { "POST", "/apps", { scope = "workspace", name = "x", org_id = "org_demo" }, operator },
  { "PATCH", "/apps/{app}", { name = "y" }, operator },
  { "POST", "/apps/{app}/keys", nil, operator },
  { "POST", "/apps/{app}/revoke", nil, operator },
  { "POST", "/apps/{app}/restore", nil, operator },
  { "PATCH", "/apps/{app}/policy", json.object {}, operator },
  { "PATCH", "/apps/{app}/auto-execute", { writes = { enabled = true } }, operator },
  { "POST", "/keys/{key}/revoke", nil, operator },
  { "POST", "/keys/{key}/rotate", nil, operator },
  { "POST", "/tokens", { user_id = "u", name = "n", roles = { "viewer" } }, owner },
  { "POST", "/tokens/{token}/revoke", nil, owner },
}

describe("a person's role", function()
  local g
  local people = {}

  setup(function()
    g = gateway.start()
    for _, role in ipairs(roles) do
      people[role] = g:person("user_" .. role, { role }).client
    end
  end)
  teardown(function() gateway.stop(g) end)

  -- Puts objects of their own into a path.
  local function fill(path)
    local app = path:find("{") and g:app()
    return (path:gsub("{(%a+)}", function(what)
      if what == "draft" then
        return ledger.draft(app.client, ledger.create()).id
      elseif what == "token" then
        return g:person("user_short", { "viewer" }).admin_token.id
      end
      return app[what].id
    end))
  end

  for _, route in ipairs(routes) do
    local method, path, body, allowed = table.unpack(route, 1, 4)
    for _, role in ipairs(roles) do
      it(("lets %s %s %s %s"):format(role, allowed[role] and "use" or "not use", method, path), function()
        local response = people[role]:request { method = method, path = fill(path), json = body }
        if allowed[role] then
          check.ok(response)
        else
          local details = check.refused(response, 403, "agent.forbidden")
          assert.is_true(allowed[details.missing[1]], response.text)
        end
      end)
    end
  end

  it("deletes apps when it is operator's, and only then", function()
    for _, role in ipairs(roles) do
      local app = g:app()
      check.ok(g.admin:post("/apps/" .. app.app.id .. "/revoke"))
      assert.equal(role == "operator" and 200 or 403, people[role]:delete("/apps/" .. app.app.id).status)
    end
  end)

  it("is one of a set: two together may what each may", function()
    local both = g:person("user_both", { "reviewer", "operator" }).client
    local app = check.ok(both:post("/apps", { scope = "workspace", name = "x", org_id = "org_demo",
      scopes = gateway.scopes }))
    local draft = ledger.draft(g:agent_client(app.token), ledger.create())
    assert.equal("confirmed", ledger.approve(both, draft).draftStatus)
    check.refused(both:post("/tokens", { user_id = "u", name = "n", roles = { "owner" } }), 403, "agent.forbidden")
  end)

  it("that is missing leaves a denied row in the audit trail", function()
    local response = people.viewer:post("/apps", { scope = "workspace", name = "x", org_id = "org_demo" })
    local row = check.find(g:audit(), { request_id = response.headers["x-request-id"] })
    assert.same({ "denied", "agent.forbidden", "user_viewer" }, { row.status, row.code, row.performed_by_user_id })
  end)
end)
