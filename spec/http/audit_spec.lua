-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local sha256 = require "spec.support.sha256"

describe("the audit trail", function()
  local g, app

  setup(function()
    g = gateway.start()
    app = g:open_app()
  end)
  teardown(function() gateway.stop(g) end)

  local function row_of(response)
    return check.find(g:audit(), { request_id = response.headers["x-request-id"] })
  end

  -- Rows in the order they were written.
  local function in_order()
    local rows = g:audit()
    table.sort(rows, function(a, b) return a.seq < b.seq end)
    return rows
  end

  it("has rows with exactly these members", function()
    local row = row_of(app.client:post("/actions", ledger.create()))
    local names = {}
    for name in pairs(row) do names[#names + 1] = name end
    table.sort(names)
    assert.equal("action actor_user_id app_id client_request_id code created_at details draft_id event_hash "
      .. "execution_id id ip key_id performed_by_user_id policy_generation prev_event_hash request_id seq status "
      .. "user_agent", table.concat(names, " "))
    assert.is_truthy(row.id:find("^aud_"))
    check.timestamp(row.created_at)
    assert.equal("127.0.0.1", row.ip)
    assert.same({ app.app.id, app.key.id, "svc_org_demo" }, { row.app_id, row.key_id, row.actor_user_id })
  end)

  it("records who asked with what", function()
    local response = app.client:post("/actions", ledger.create(), { ["User-Agent"] = "bookkeeper/7" })
    assert.equal("bookkeeper/7", row_of(response).user_agent)
  end)

  it("is a chain that anyone can verify", function()
    local requests = {}
    for i = 1, 60 do
      requests[i] = ledger.request(ledger.create { execute = i % 2 == 0 })
    end
    http.parallel(app.client, requests, 16)
    check.refused(app.client:post("/actions", ledger.delete("txn_none")), 403)
    local rows, previous = in_order(), ("0"):rep(64)
    assert.is_true(#rows >= 60)
    for i, row in ipairs(rows) do
      assert.equal(rows[1].seq + i - 1, row.seq)
      assert.equal(previous, row.prev_event_hash)
      local hash = row.event_hash
      row.event_hash = nil
      assert.equal(hash, sha256(json.encode(row)), "row " .. row.seq)
      previous = hash
    end
  end)

  it("verifies itself", function()
    local verdict = check.ok(g.admin:get("/audit/verify"))
    assert.is_true(verdict.ok)
    assert.equal(json.null, verdict.firstBad)
    assert.is_true(verdict.rows >= #in_order() - 1)
  end)

  it("has each step of a write under its name", function()
    local function actions_of(draft_id)
      local actions = {}
      for _, row in ipairs(in_order()) do
        if row.draft_id == draft_id then actions[#actions + 1] = row.action .. " " .. row.status end
      end
      return table.concat(actions, ", ")
    end
    local draft = ledger.draft(app.client, ledger.create())
    check.ok(app.client:post("/drafts/" .. draft.id .. "/cancel"))
    assert.is_truthy(actions_of(draft.id):find("agent.action.draft.created success.*agent.draft.cancel success"))
    draft = ledger.draft(app.client, ledger.create())
    check.ok(g.admin:post("/drafts/" .. draft.id .. "/reject"))
    assert.is_truthy(actions_of(draft.id):find("agent.draft.reject success", 1, true))
    local execution = ledger.execute(app.client, ledger.create())
    local row = check.find(g:audit(), { action = "agent.action.execute", execution_id = execution.id })
    assert.same({ "success", execution.draft_id }, { row.status, row.draft_id })
  end)

  it("records refusals with their code", function()
    local cases = {
      [app.client:post("/actions", ledger.delete("txn_other"))] = { "agent.action.create", "agent.policy_denied" },
      [g:app({ scopes = { "ledger.read" } }).client:post("/actions", ledger.create())] =
        { "agent.action.create", "agent.scope_denied" },
    }
    for response, expected in pairs(cases) do
      local row = row_of(response)
      assert.same({ "denied", expected[1], expected[2] }, { row.status, row.action, row.code })
    end
  end)

  it("records an execution at once that became a draft as denied, and why", function()
    local shut = g:app()
    local body = ledger.create()
    body.execute = true
    local response = shut.client:post("/actions", body)
    local row = check.find(g:audit { appId = shut.app.id }, { action = "agent.action.auto_execute.requested" })
    assert.equal("agent.auto_execute_disabled", check.ok(response).autoExecuteDeniedCode)
    assert.same({ "denied", "agent.auto_execute_disabled" }, { row.status, row.code })
  end)

  it("records refusals of reads, whatever refused them", function()
    local shut = g:app { policy = { network = { allowed_ips = { "192.0.2.1" } } } }
    for _, response in ipairs { shut.client:get("/ledgers"), (g.agent:get("/ledgers?a=1&a=2")) } do
      local row = row_of(response)
      assert.same({ "agent.ledger.list", response.body.code }, { row.action, row.code })
    end
  end)

  it("records every reason for a draft instead of an execution as denied", function()
    local made = g:open_app()
    local action = ledger.delete("txn_2", { execute = true })
    action.justification = nil
    local response = made.client:post("/actions", action)
    assert.equal("agent.action_invalid", check.ok(response).autoExecuteDeniedCode)
    local id = response.headers["x-request-id"]
    local row = check.find(g:audit { action = "agent.action.auto_execute.requested" }, { request_id = id })
    assert.same({ "denied", "agent.action_invalid" }, { row.status, row.code })
  end)

  it("records every change that a person makes", function()
    local made = g:app()
    local id = made.app.id
    check.ok(g.admin:patch("/apps/" .. id, { name = "renamed" }))
    check.ok(g.admin:patch("/apps/" .. id .. "/policy", json.object {}))
    check.ok(g.admin:patch("/apps/" .. id .. "/auto-execute", { writes = { enabled = true } }))
    check.ok(g.admin:post("/apps/" .. id .. "/keys", { name = "k" }))
    check.ok(g.admin:post("/keys/" .. made.key.id .. "/rotate"))
    check.ok(g.admin:post("/keys/" .. made.key.id .. "/revoke"))
    check.ok(g.admin:post("/apps/" .. id .. "/revoke"))
    check.ok(g.admin:post("/apps/" .. id .. "/restore"))
    check.ok(g.admin:post("/apps/" .. id .. "/revoke"))
    check.ok(g.admin:delete("/apps/" .. id))
    local rows, user = g:audit { appId = id }, check.ok(g.admin:get("/whoami")).user_id
    for _, action in ipairs { "agent_app.create", "agent_app.update", "agent_app.policy.update",
      "agent_app.auto_execute.update", "agent_key.create", "agent_key.rotate", "agent_key.revoke", "agent_app.revoke",
      "agent_app.restore", "agent_app.delete" } do
      local row = check.find(rows, { action = action })
      assert.is_table(row, action)
      assert.equal(user, row.performed_by_user_id)
    end
    local person = g:person("user_x", { "viewer" })
    check.ok(g.admin:post("/tokens/" .. person.admin_token.id .. "/revoke"))
    assert.is_table(check.find(g:audit(), { action = "admin_token.create" }))
    assert.is_table(check.find(g:audit(), { action = "admin_token.revoke" }))
  end)

  it("does not record manifests and looks at drafts", function()
    local draft = ledger.draft(app.client, ledger.create())
    local before = #g:audit()
    check.ok(app.client:get("/manifest"))
    check.ok(app.client:get("/drafts/" .. draft.id))
    check.ok(app.client:get("/drafts"))
    assert.equal(before, #g:audit())
  end)

  it("holds no token", function()
    local text = json.encode(json.array(in_order()))
    for _, token in ipairs { app.token, g.agent.token, g.admin.token } do
      assert.is_nil(text:find(token, 1, true))
    end
  end)

  it("holds no sensitive field", function()
    local secret = ledger.unique("Sensitive")
    ledger.execute(app.client, ledger.create(nil, { title = secret, notes = secret }))
    assert.is_nil(json.encode(json.array(in_order())):find(secret, 1, true))
  end)

  it("can be narrowed by app, action and status, and paged", function()
    for _, row in ipairs(g:audit { appId = app.app.id, status = "denied" }) do
      assert.same({ app.app.id, "denied" }, { row.app_id, row.status })
    end
    for _, row in ipairs(g:audit { action = "agent.action.draft.created" }) do
      assert.equal("agent.action.draft.created", row.action)
    end
    local first = check.ok(g.admin:get("/audit", { limit = 3 }))
    local second = check.ok(g.admin:get("/audit", { limit = 3, cursor = first.nextCursor }))
    assert.equal(first.items[3].seq - 1, second.items[1].seq)
    check.refused(g.admin:get("/audit", { status = "odd" }), 400, "common.validation")
  end)
end)
