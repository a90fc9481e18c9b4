-- SPDX-License-Identifier: MIT
-- The trail takes no row of one kind: whatever would have left it has not happened, and was not answered with success.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("what cannot be recorded", function()
  local g, app, open

  setup(function()
    g = gateway.start()
    app, open = g:app(), g:open_app()
  end)
  teardown(function() gateway.stop(g) end)

  local function refuse_rows(action)
    db.change(g.data .. "/gateway.db", "CREATE TRIGGER refuse BEFORE INSERT ON audit WHEN NEW.action = :action"
      .. " BEGIN SELECT raise(ABORT, 'refused'); END", { action = action })
  end

  local function take_rows() db.change(g.data .. "/gateway.db", "DROP TRIGGER IF EXISTS refuse") end

  after_each(take_rows)

  -- Everything that anything can change, but the trail itself and when a token was last used.
  local function state()
    local found = {}
    for _, sql in ipairs { "* FROM apps", "* FROM drafts", "* FROM pending", "* FROM executions", "* FROM preflights",
      "* FROM idempotency", "* FROM generations", "* FROM freezes", "id, name, expires_at, revoked_at FROM keys",
      "id, name, expires_at, revoked_at FROM admin_tokens" } do
      found[#found + 1] = db.rows(g.data .. "/gateway.db", "SELECT " .. sql .. " ORDER BY 1")
    end
    found[#found + 1] = db.rows(g.data .. "/ledger.db", "SELECT * FROM transactions ORDER BY id")
    found[#found + 1] = db.rows(g.data .. "/ledger.db", "SELECT effect_id FROM opp_receipts ORDER BY 1")
    return found
  end

  local function send(request) return request.client:request(request) end

  local function agent(path, body) return { client = app.client, method = "POST", path = path, json = body } end

  local function admin(method, path, body) return { client = g.admin, method = method, path = path, json = body } end

  local function fields()
    return { scope = "workspace", name = ledger.unique "App", org_id = "org_demo", scopes = gateway.scopes }
  end

  local function frozen()
    local body = { scope = "app", id = g:app().app.id, mode = "off", reason = "Spec" }
    return check.ok(g.admin:post("/freeze", body)).freeze
  end

  local function decide(verb, body)
    return function()
      local draft = ledger.draft(app.client, ledger.keyed())
      return admin("POST", ("/drafts/%s/%s"):format(draft.id, verb), body)
    end
  end

  -- Each gives a request that succeeds, about something of its own.
  local requests = {
    ["a draft"] = function() return agent("/actions", ledger.keyed()) end,
    ["a preflight"] = function() return agent("/preflight", ledger.create()) end,
    ["an execution"] = function()
      return ledger.request(ledger.keyed { execute = true }, open.client)
    end,
    ["a replay"] = function()
      local action = ledger.keyed { execute = true }
      ledger.execute(open.client, action)
      return ledger.request(action, open.client)
    end,
    ["an agent's cancel"] = function()
      return agent(("/drafts/%s/cancel"):format(ledger.draft(app.client, ledger.keyed()).id))
    end,
    ["an approval"] = decide "approve",
    ["a rejection"] = decide("reject", { reason = "No." }),
    ["a new app"] = function() return admin("POST", "/apps", fields()) end,
    ["an app's change"] = function() return admin("PATCH", "/apps/" .. g:app().app.id, { name = "Other" }) end,
    ["an app's policy"] = function()
      return admin("PATCH", ("/apps/%s/policy"):format(g:app().app.id), { data = { max_days = 3 } })
    end,
    ["an app's windows"] = function()
      return admin("PATCH", ("/apps/%s/auto-execute"):format(g:app().app.id), { writes = { enabled = true } })
    end,
    ["an app's end"] = function() return admin("POST", ("/apps/%s/revoke"):format(g:app().app.id)) end,
    ["an app's return"] = function()
      local id = g:app().app.id
      check.ok(g.admin:post(("/apps/%s/revoke"):format(id)))
      return admin("POST", ("/apps/%s/restore"):format(id))
    end,
    ["a deleted app"] = function()
      local id = g:app().app.id
      check.ok(g.admin:post(("/apps/%s/revoke"):format(id)))
      return admin("DELETE", "/apps/" .. id)
    end,
    ["a new key"] = function() return admin("POST", ("/apps/%s/keys"):format(g:app().app.id), { name = "Second" }) end,
    ["a rotated key"] = function() return admin("POST", ("/keys/%s/rotate"):format(g:app().key.id), {}) end,
    ["a revoked key"] = function()
      local other = g:app()
      ledger.draft(other.client, ledger.keyed())
      return admin("POST", ("/keys/%s/revoke"):format(other.key.id))
    end,
    ["a person's token"] = function()
      return admin("POST", "/tokens", { user_id = "user_spec", name = "Spec", roles = { "viewer" } })
    end,
    ["a person's revoked token"] = function()
      return admin("POST", ("/tokens/%s/revoke"):format(g:person("user_gone", { "viewer" }).admin_token.id))
    end,
    ["a freeze"] = function()
      return admin("POST", "/freeze", { scope = "app", id = g:app().app.id, mode = "off", reason = "Spec" })
    end,
    ["a lifted freeze"] = function() return admin("DELETE", "/freeze/" .. frozen().id) end,
    ["a reload"] = function() return admin("POST", "/policies/reload") end,
    ["a promotion"] = function()
      check.ok(g.admin:post("/policies/stage", { profile = "default" }))
      return admin("POST", "/policies/promote")
    end,
    ["a return to the rules before"] = function()
      check.ok(g.admin:post("/policies/stage", { profile = "default" }))
      check.ok(g.admin:post("/policies/promote"))
      return admin("POST", "/policies/rollback")
    end,
    ["a staging's end"] = function()
      check.ok(g.admin:post("/policies/stage", { profile = "default" }))
      return admin("DELETE", "/policies/stage")
    end,
    ["a staging"] = function() return admin("POST", "/policies/stage", { profile = "default" }) end,
  }

  -- The kinds of rows that a request leaves, but for an execution's outcome, before which its effect is.
  local function rows_of(answer)
    local actions, known = {}, {}
    for _, row in ipairs(g:audit()) do
      if row.request_id == answer.headers["x-request-id"] and not known[row.action] then
        known[row.action] = true
        actions[#actions + 1] = row.action ~= "agent.action.execute" and row.action or nil
      end
    end
    return actions
  end

  for name, make in pairs(requests) do
    it("has not happened: " .. name, function()
      local done = send(make())
      check.ok(done)
      local actions = rows_of(done)
      assert(#actions > 0, "it leaves no row")
      for _, action in ipairs(actions) do
        local request = make()
        local before = state()
        refuse_rows(action)
        local answer = send(request)
        local after = state()
        take_rows()
        assert.same({ 503, "common.unavailable" }, { answer.status, answer.body.code }, action)
        assert.is_truthy(tonumber(answer.headers["retry-after"]))
        assert.same(before, after, action)
        check.ok(send(request))
      end
      assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    end)
  end

  it("is not told by a refusal either", function()
    local narrow = g:app { scopes = json.array { "ledger.read" } }
    refuse_rows "agent.action.create"
    local answer = narrow.client:post("/actions", ledger.create())
    take_rows()
    check.refused(answer, 503, "common.unavailable")
    check.refused(narrow.client:post("/actions", ledger.create()), 403, "agent.scope_denied")
  end)

  it("is no success when its effect is there and its outcome has no row; that row comes", function()
    local action = ledger.keyed { execute = true }
    refuse_rows "agent.action.execute"
    local answer = open.client:post("/actions", action)
    take_rows()
    local details = check.refused(answer, 503, "common.unavailable")
    local id = check.ok(open.client:post("/actions", action)).execution.id
    assert.equal(details.executionId, id)
    assert.equal(1, ledger.count(open.client, action.payload.title))
    assert.equal(1, check.count(g:audit { action = "agent.action.execute" }, { execution_id = id, status = "success" }))
  end)

  it("is no read that was answered: its row waits until it is taken", function()
    local reader = g:app()
    local asked = {}
    for i = 1, 50 do
      asked[i] = { method = "GET", path = "/ledgers" }
    end
    refuse_rows "agent.ledger.list"
    local answered = 0
    for _, answer in ipairs(http.parallel(reader.client, asked, 4)) do
      answered = answered + (answer.status == 200 and 1 or 0)
      assert(answer.status == 200 or answer.status == 503, answer.text)
    end
    take_rows()
    gateway.eventually("every read that was answered has its row", function()
      return answered == #g:audit { appId = reader.app.id, action = "agent.ledger.list" }
    end)
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)
end)
