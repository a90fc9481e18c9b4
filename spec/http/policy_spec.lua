-- SPDX-License-Identifier: MIT
-- Operators' rules on a running gateway: each kind of answer in each phase, and reloading.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

describe("a rule", function()
  local g

  setup(function() g = policies.start() end)
  teardown(function() policies.stop(g) end)

  it("that denies refuses with its reason and tag, and stores nothing but the audit row", function()
    g:in_force [[{ name = "no ops", tools = { "transaction.*" }, decide = function(request)
      if request.payload.ledgerId == "ledger_ops" then return deny("Operations are closed.", { tag = "ops" }) end
    end }]]
    local before = #check.ok(g.agent:get("/drafts", { limit = 500 })).items
    local body = ledger.create(nil, { ledgerId = "ledger_ops" })
    local response = g.agent:post("/actions", body)
    local details = check.refused(response, 403, "agent.policy_denied")
    assert.same({ "Operations are closed.", "ops" }, { response.body.message, details.tag })
    assert.equal(before, #check.ok(g.agent:get("/drafts", { limit = 500 })).items)
    assert.equal("denied", check.find(g:audit(), { request_id = response.headers["x-request-id"] }).status)
    check.ok(g.agent:post("/actions", ledger.create()))
  end)

  it("may give a reason of 511 bytes, and the agent reads all of it", function()
    local reason = "x" .. ("\u{20AC}"):rep(170)
    g:in_force(([[{ name = "long", tools = { "transaction.*" }, decide = function()
      return deny("%s") end }]]):format(reason))
    local response = g.agent:post("/actions", ledger.create())
    check.refused(response, 403, "agent.policy_denied")
    assert.equal(reason, response.body.message)
    g:in_force ""
  end)

  it("hides a tool that it denies at discover, and makes it not callable", function()
    g:in_force [[{ name = "no deletes", tools = { "transaction.delete", "transaction.hard_delete" },
      discover = function(request) return deny("Nothing is deleted here.") end }]]
    local names = {}
    for _, tool in ipairs(check.ok(g.agent:get("/manifest")).tools) do names[tool.name] = true end
    assert.is_nil(names["transaction.delete"])
    assert.is_true(names["transaction.create"])
    local response = g.agent:post("/actions", { action = "transaction.delete", payload = { transactionId = "txn_1" } })
    check.refused(response, 403, "agent.policy_denied")
    assert.equal("Nothing is deleted here.", response.body.message)
  end)

  it("asks for two people, and neither the same person twice nor one alone is enough", function()
    g:in_force [[{ name = "two", tools = { "transaction.create" }, decide = function(request)
      return draft("Two people must agree.", { approvals = 2, expires_in = 3600 })
    end }]]
    local app = g:app { auto_execute = { writes = { enabled = true } } }
    local body = ledger.create()
    body.execute = true
    local data = check.ok(app.client:post("/actions", body))
    assert.equal("agent.auto_execute_denied", data.autoExecuteDeniedCode)
    assert.equal("Two people must agree.", data.autoExecuteDenied.reason)
    assert.same({ required = 2, given = 0 }, data.draft.approvals)
    assert.same({ "Two people must agree." }, data.draft.policy.reasons)
    local anna, bert = g:person("anna", { "reviewer" }).client, g:person("bert", { "reviewer" }).client
    local first = check.ok(anna:post("/drafts/" .. data.draft.id .. "/approve"))
    assert.same({ "draft", 1 }, { first.draftStatus, first.approvals.given })
    check.refused(anna:post("/drafts/" .. data.draft.id .. "/approve"), 403, "agent.forbidden")
    local second = check.ok(bert:post("/drafts/" .. data.draft.id .. "/approve"))
    assert.equal("success", second.execution.status)
  end)

  it("that asks for two people only now keeps out who made the app", function()
    g:in_force ""
    local draft = ledger.draft(g:app().client, ledger.create())
    g:in_force [[{ name = "two now", tools = { "transaction.create" }, decide = function(request)
      return draft("Two people must agree.", { approvals = 2 })
    end }]]
    local details = check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 403, "agent.forbidden")
    assert.equal("own_app", details.reason)
    assert.equal(0, check.ok(g.admin:get("/drafts/" .. draft.id)).draft.approvals.given)
  end)

  it("redacts results as it redacts impacts", function()
    g:in_force [[{ name = "no titles", tools = { "transaction.*" }, decide = function()
      return allow { redact = { "title" } }
    end }]]
    local app = g:open_app()
    local action = ledger.keyed()
    local execution = ledger.execute(app.client, action)
    assert.equal("[redacted]", execution.result.transaction.title)
    assert.equal("[redacted]", check.ok(app.client:post("/actions", action)).execution.result.transaction.title)
    local seen = check.ok(app.client:get("/drafts/" .. execution.draft_id)).execution.result
    assert.equal("[redacted]", seen.transaction.title)
  end)

  it("limits executions exactly, also when they come at once", function()
    g:in_force [[{ name = "three an hour", tools = { "transaction.create" }, decide = function()
      return allow { limit = { count = 3, per = 3600 } }
    end }]]
    local app = g:app { auto_execute = { writes = { enabled = true } } }
    local requests = {}
    for i = 1, 12 do
      local body = ledger.create()
      body.execute = true
      requests[i] = ledger.request(body)
    end
    local executed, drafts, last = 0, 0, nil
    for _, response in ipairs(http.parallel(app.client, requests, 6)) do
      local data = check.ok(response)
      if data.status == "executed" then
        executed = executed + 1
      else
        drafts, last = drafts + 1, data
      end
    end
    assert.same({ 3, 9 }, { executed, drafts })
    assert.equal("agent.auto_execute_denied", last.autoExecuteDeniedCode)
    local details = check.refused(g.admin:post("/drafts/" .. last.draft.id .. "/approve"), 429, "agent.rate_limited")
    assert.equal("limit", details.reason)
    assert.equal("draft", check.ok(app.client:get("/drafts/" .. last.draft.id)).draft.status)
  end)

  it("shapes reads", function()
    g:in_force [[{ name = "short and blind", tools = { "transaction.list" }, decide = function()
      return allow { max_rows = 2, redact = { "title" } }
    end }]]
    local data = check.ok(g.agent:get("/transactions", { ledgerId = "ledger_main" }))
    assert.equal(2, #data.items)
    assert.equal("[redacted]", data.items[1].title)
  end)

  it("demands safeguards at any risk", function()
    g:in_force [[{ name = "say why", tools = { "transaction.create" }, decide = function()
      return allow { require = { "justification", "idempotency" } }
    end }]]
    local app = g:app { auto_execute = { writes = { enabled = true } } }
    local body = ledger.create()
    body.execute = true
    assert.equal("agent.action_invalid", check.ok(app.client:post("/actions", body)).autoExecuteDeniedCode)
    body.justification = "The month ends."
    assert.equal("agent.idempotency_required", check.ok(app.client:post("/actions", body)).autoExecuteDeniedCode)
    body.idempotencyKey = ledger.unique("key")
    assert.equal("executed", check.ok(app.client:post("/actions", body)).status)
  end)

  it("closes its window, says when it opens, and a person may still approve", function()
    g:in_force [[{ name = "never by itself", tools = { "transaction.create" },
      window = function() return between { from = "2999-01-01T00:00:00Z", to = "2999-01-02T00:00:00Z" } end }]]
    local app = g:app { auto_execute = { writes = { enabled = true } } }
    local body = ledger.create()
    body.execute = true
    local data = check.ok(app.client:post("/actions", body))
    assert.equal("agent.auto_execute_window_closed", data.autoExecuteDeniedCode)
    assert.equal("2999-01-01T00:00:00.000Z", data.autoExecuteDenied.opensAt)
    assert.equal("success", check.ok(g.admin:post("/drafts/" .. data.draft.id .. "/approve")).execution.status)
  end)

  it("binds what it looks at to the draft", function()
    g:in_force [[{ name = "amount", tools = { "transaction.update" },
      witness = function(request) return { zone = "a" } end }]]
    local made = ledger.execute(g:app { auto_execute = { writes = { enabled = true } } }.client, ledger.create())
    local draft = ledger.draft(g.agent, { action = "transaction.update",
      payload = { transactionId = made.result.transaction.id, title = "Bound" } })
    local seen = check.ok(g.admin:get("/drafts/" .. draft.id)).draft
    assert.same({ amount = { zone = "a" } }, seen.preflight_state_witness.rules)
    assert.equal("success", check.ok(g.admin:post("/drafts/" .. draft.id .. "/approve")).execution.status)
  end)

  it("sees whom the agent acts for, and what it touches", function()
    g:in_force [[{ name = "who", tools = { "transaction.create" }, decide = function(request)
      local touched = request.resources[1]
      return deny(request.actor.user_id .. " " .. touched.kind .. " " .. tostring(touched.user_id))
    end, tests = { { given = { actor = { user_id = "u" }, resources = { { kind = "ledger" } } },
      expect = { "deny", reason = "u ledger nil" } } } }]]
    local row = g.agent:post("/actions", ledger.create())
    check.refused(row, 403, "agent.policy_denied")
    assert.equal("svc_org_demo ledger null", row.body.message)
  end)

  it("that fails denies, and only the operator hears why", function()
    g:in_force [[{ name = "misspelt", tools = { "transaction.create" }, decide = function(request)
      return request["pay" .. "lod"].title and nil
    end }]]
    local response = g.agent:post("/actions", ledger.create())
    check.refused(response, 403, "agent.policy_denied")
    assert.is_nil(response.text:find("paylod", 1, true))
    assert.is_nil(response.text:find(".lua", 1, true))
    local errors = check.ok(g.admin:get("/policies")).active.errors
    assert.is_true(errors.count >= 1)
    assert.is_truthy(g:log():find("10-rules.lua", 1, true))
  end)

  it("whose honest pattern a payload drives into its worst case denies, which is audited", function()
    g:in_force [[{ name = "looks like a list", tools = { "transaction.create" }, decide = function(request)
      if request.justification:find(".-,.-,.-,.-;") then return deny("A list.") end
    end }]]
    local response = g.agent:post("/actions", ledger.create { justification = ("a,"):rep(900) })
    check.refused(response, 403, "agent.policy_denied")
    assert.is_nil(response.text:find("pattern", 1, true))
    local row = check.find(g:audit(), { request_id = response.headers["x-request-id"] })
    assert.same({ "denied", "agent.policy_denied" }, { row.status, row.code })
    check.ok(g.agent:post("/actions", ledger.create { justification = "a short one" }))
    g:in_force ""
  end)

  it("that does not load changes nothing, and is named with its line", function()
    g:in_force [[{ name = "fine", tools = { "transaction.create" },
      decide = function() return deny("Still here.") end }]]
    local before = check.ok(g.admin:get("/policies")).active
    local broken = g:rules("return {\n  { name = 'x', tools = { 'no.such' }, decide = function() end },\n}")
    local details = check.refused(broken, 400, "common.validation")
    assert.is_truthy(details.issues[1].file:find("10-rules.lua", 1, true))
    assert.equal(2, details.issues[1].line)
    assert.equal(before.generation, check.ok(g.admin:get("/policies")).active.generation)
    local response = g.agent:post("/actions", ledger.create())
    assert.equal("Still here.", response.body.message)
  end)

  it("counts for drafts that were made before it", function()
    g:in_force ""
    local draft = ledger.draft(g.agent, ledger.create())
    g:in_force [[{ name = "later", tools = { "*" }, decide = function(request)
      if request.phase == "approve" then return deny("Not any more.") end
    end }]]
    local response = g.admin:post("/drafts/" .. draft.id .. "/approve")
    check.refused(response, 403, "agent.policy_denied")
    assert.equal("draft", check.ok(g.agent:get("/drafts/" .. draft.id)).draft.status)
    g:in_force ""
    assert.equal("success", check.ok(g.admin:post("/drafts/" .. draft.id .. "/approve")).execution.status)
  end)

  it("is in force from the answer to the reload on, under load and without a failed request", function()
    for round = 1, 15 do
      g:in_force(([[{ name = "round", tools = { "transaction.create" }, decide = function()
        return deny("Round %d.") end }]]):format(round))
      local requests = {}
      for i = 1, 12 do
        requests[i] = ledger.request(ledger.create())
      end
      for _, response in ipairs(http.parallel(g.agent, requests, 6)) do
        assert.equal(("Round %d."):format(round), response.body.message, response.text)
      end
    end
  end)

  it("stays in force after a restart, whatever the disk says", function()
    g:in_force [[{ name = "kept", tools = { "transaction.create" }, decide = function() return deny("Kept.") end }]]
    gateway.write_file(g.policies .. "/mine/10-rules.lua", "return {}\n")
    g:restart()
    assert.equal("Kept.", g.agent:post("/actions", ledger.create()).body.message)
    assert.equal("changed", check.ok(g.admin:get("/policies")).active.disk)
    os.execute("kill -HUP " .. g.pid)
    gateway.eventually("the reload", function() return g.agent:post("/actions", ledger.create()).status == 200 end)
  end)
end)
