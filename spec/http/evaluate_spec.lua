-- SPDX-License-Identifier: MIT
-- The simulator: one decision, which rules spoke, and how it came together.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

local null <const> = json.null

describe("evaluate", function()
  local g, open

  setup(function()
    g = policies.start()
    open = g:open_app()
    g:profile("none", "return {}\n")
    g:in_force [[
  { name = "large", tools = { "transaction.*" }, decide = function(request)
      if request.phase == "read" then return allow { redact = { "notes" }, max_rows = 10 } end
      if (tonumber(request.payload.amount_home) or 0) > 100 then
        return draft("Over 100.", { approvals = 2, limit = { count = 5, per = 60 } })
      end
    end },
  { name = "people", tools = { "transaction.*" }, decide = function(request)
      if request.phase == "action" and request.recent { seconds = 60 } > 3 then return deny("Too many.") end
      if request.phase ~= "read" then return allow { approvals = 3, require = { "justification" } } end
    end },
  { name = "never", tools = { "transaction.create" }, window = function() return never("Not now.") end },
  { name = "others", tools = { "transactions.export_csv" }, decide = function() return deny("No.") end },
]]
  end)
  teardown(function() policies.stop(g) end)

  local function evaluate(body) return check.ok(g.admin:post("/policies/evaluate", body)) end

  local function made(fields, more)
    local body = { request = { tool = "transaction.create", payload = { amount_home = 5 } } }
    for name, value in pairs(fields or {}) do body.request[name] = value end
    for name, value in pairs(more or {}) do body[name] = value end
    return evaluate(body)
  end

  local function by(data, member)
    return (check.find(data.combined, { member = member }) or {}).by
  end

  it("asks each rule that is about the tool, and says how they come together", function()
    local data = made({ payload = { amount_home = 500 }, execute = true, app = open.app.id })
    assert.same({ "transaction.create", "action", "mine" }, { data.tool, data.phase, data.policy.profile })
    assert.equal(3, #data.rules)
    assert.same({ "draft", 2 }, { data.rules[1].decision.outcome, data.rules[1].decision.approvals })
    assert.same({ "allow", 3 }, { data.rules[2].decision.outcome, data.rules[2].decision.approvals })
    assert.same({ "allow", "closed" }, { data.rules[3].decision.outcome, data.rules[3].decision.window })
    assert.is_truthy(data.rules[1].file:find("mine/10-rules.lua", 1, true) and data.rules[1].line > 0)
    assert.same({ "draft", 3, "agent.auto_execute_denied" },
      { data.decision.outcome, data.decision.approvals, data.decision.code })
    assert.same({ { "large" }, { "people" }, { "large" }, { "people" }, { "(core)" } },
      { by(data, "outcome"), by(data, "approvals"), by(data, "limits"), by(data, "require"), by(data, "code") })
    assert.equal("draft: Over 100. (large)", data.sentence)
    assert.same({ open.app.id, null }, { data.request.app.id, data.recorded })
    assert.same({ user_id = "svc_org_demo" }, data.request.actor) -- as a real request has it
  end)

  it("lets the app's settings count, and what the request brings", function()
    local shut = made({ execute = true })
    assert.same({ "draft", "agent.auto_execute_disabled" }, { shut.decision.outcome, shut.decision.code })
    assert.equal(false, shut.core.window.enabled)
    assert.same({ "(core)" }, by(shut, "outcome"))
    assert.equal("allow", made({ tool = "transaction.delete", app = open.app.id, phase = "preflight" },
      { profile = "none" }).decision.outcome)
    local lacking = made({ tool = "transaction.delete", execute = true, app = open.app.id }, { profile = "none" })
    assert.equal("agent.action_invalid", lacking.decision.code)
    local brought = made({ tool = "transaction.delete", execute = true, app = open.app.id, justification = "x" },
      { profile = "none" })
    assert.same({ "allow", null }, { brought.decision.outcome, brought.policy.generation })
    assert.equal("allow: Nothing stands against it.", brought.sentence)
  end)

  it("judges every phase, and counts as it is told", function()
    local read = made({ tool = "transaction.list", payload = json.object {} })
    assert.same({ "read", "allow", 10, { "notes" } },
      { read.phase, read.decision.outcome, read.decision.max_rows, read.decision.redact })
    assert.equal("deny", made({ recent = 4 }).decision.outcome)
    assert.equal("draft", made({ recent = 3 }).decision.outcome)
    local approve = made({ phase = "approve", draft = { approvals_required = 1, approvals_given = 1 } })
    assert.same({ "allow", 3 }, { approve.decision.outcome, approve.decision.approvals })
    assert.equal("draft",
      made({ phase = "execute", draft = { approvals_required = 1, approvals_given = 2 } }).decision.outcome)
    assert.equal("allow",
      made({ phase = "execute", draft = { approvals_required = 1, approvals_given = 3 } }).decision.outcome)
  end)

  it("says which rule failed", function()
    g:profile("fails", [[return { { name = "f", tools = { "*" }, decide = function() error("oh") end } }]])
    local data = made({}, { profile = "fails" })
    assert.same({ "deny", true }, { data.decision.outcome, data.ruling.failed })
    assert.is_truthy(data.rules[1].decision.error:find("oh", 1, true))
  end)

  describe("of a recorded request", function()
    local request_id

    setup(function()
      local response = open.client:post("/actions", ledger.create({ execute = true }, { amount_home = 700 }))
      assert.equal("draft", check.ok(response).status)
      request_id = response.headers["x-request-id"]
      gateway.eventually("it is logged", function()
        return g.admin:post("/policies/evaluate", { request_id = request_id }).status == 200
      end)
    end)

    it("gives what was decided then, and by the rules that decided the same again", function()
      local data = evaluate { request_id = request_id }
      assert.same(data.recorded.decision, data.decision)
      assert.same({ request_id, "mine", true },
        { data.recorded.request_id, data.recorded.profile, data.recorded.replayable })
      assert.same({ "large" }, by(data, "outcome"))
      assert.is_truthy(data.request.payload.title:find("^hmac:"))
      assert.equal("action", evaluate({ request_id = request_id, phase = "action" }).phase)
    end)

    it("tells what another profile makes of it", function()
      local data = evaluate { request_id = request_id, profile = "none" }
      assert.same({ "draft", "allow" }, { data.recorded.decision.outcome, data.decision.outcome })
      assert.same({}, data.rules)
    end)

    it("is for people who may see its app", function()
      local other = g:person("of_others", { "viewer" }, { "org_other" }).client
      check.refused(other:post("/policies/evaluate", { request_id = request_id }), 404, "agent.not_found")
      check.refused(other:post("/policies/evaluate", { request = { tool = "transaction.create", app = open.app.id } }),
        400, "common.validation")
      local viewer = g:person("of_all", { "viewer" }).client
      check.ok(viewer:post("/policies/evaluate", { request_id = request_id }))
      check.refused(viewer:post("/policies/evaluate", { request_id = request_id, phase = "approve" }), 404,
        "agent.not_found")
    end)
  end)

  it("refuses what is no request", function()
    for _, body in ipairs {
      {}, { request = {} }, { request = { tool = "no.such" } }, { request = { tool = "transaction.create", x = 1 } },
      { request = { tool = "transaction.create", phase = "read" } }, { request = { tool = "transaction.list",
        phase = "action" } }, { request = { tool = "transaction.create", app = "app_none" } },
      { request = { tool = "transaction.create" }, request_id = "req_x" }, { request = { tool = "transaction.create" },
        profile = "nowhere" }, { request = { tool = "transaction.create", now = "yesterday" } },
    } do
      check.refused(g.admin:post("/policies/evaluate", json.object(body)), 400, "common.validation")
    end
    check.refused(g.admin:post("/policies/evaluate", { request_id = "req_none" }), 404, "agent.not_found")
  end)

  it("writes nothing", function()
    local before = #g:audit()
    made({ execute = true })
    assert.equal(before, #g:audit())
    assert.same({}, check.ok(open.client:get("/drafts", { status = "confirmed" })).items)
  end)
end)
