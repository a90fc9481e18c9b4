-- SPDX-License-Identifier: MIT
-- Rules that are staged judge what the rules in force decide, and change nothing: what the report counts is recounted
-- here from the decision log.
local check = require "spec.support.check"
local decisions = require "spec.support.decisions"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

local null <const> = json.null
local calls <const> = 2000

local function pick(list) return list[math.random(#list)] end

-- One text for what a report counts together.
local function kind_of(tool, phase, rule, from, to)
  return table.concat({ tool, phase, tostring(rule), json.encode(from), json.encode(to) }, "\n")
end

local function recount(rows)
  local kinds = {}
  for _, row in ipairs(rows) do
    if row.staged ~= null and not row.staged.error then
      assert.is_true(row.differs)
      assert.not_same(row.verdict, row.staged.verdict)
      local name = kind_of(row.tool, row.phase, row.staged.rule, row.verdict, row.staged.verdict)
      local kind = kinds[name] or { count = 0, apps = {}, requests = {} }
      kind.count = kind.count + 1
      kind.apps[row.app_id] = (kind.apps[row.app_id] or 0) + 1
      kind.requests[row.request_id] = true
      kinds[name] = kind
    else
      assert.is_false(row.differs)
    end
  end
  return kinds
end

local function changed_members(from, to)
  local list = {}
  for _, name in ipairs { "approvals", "code", "expires_in", "limits", "max_days", "max_rows", "outcome", "redact",
    "require" } do
    if json.encode(from[name] or null) ~= json.encode(to[name] or null) then list[#list + 1] = name end
  end
  return list
end

local function is_equal(report, rows)
  local kinds, sum = recount(rows), 0
  for _, difference in ipairs(report.differences) do
    if difference.phase ~= "discover" then
      local name = kind_of(difference.tool, difference.phase, difference.rule, difference.from, difference.to)
      local kind = assert(kinds[name], "a difference that is not in the log: " .. name)
      local apps = {}
      for _, app in ipairs(difference.apps) do apps[app.app_id] = app.count end
      assert.equal(kind.count, difference.count)
      assert.same(kind.apps, apps)
      assert.same(changed_members(difference.from, difference.to), difference.changed)
      assert.equal(math.min(kind.count, 5), #difference.examples)
      for _, example in ipairs(difference.examples) do assert.is_true(kind.requests[example.request_id]) end
      kinds[name] = nil
      sum = sum + difference.count
    end
  end
  assert.is_nil(next(kinds), "a difference that the report does not have")
  assert.equal(report.decisions, report.same + sum + report.errors)
end

-- What the strict profile says of high risk, whatever else it says.
local function is_strict(row)
  local to, high = row.staged ~= null and row.staged.verdict or row.verdict, row.core.risk == "high"
  if high and row.phase == "action" and to.outcome ~= "deny" then
    assert.same({ "draft", 2, 3600 }, { to.outcome, to.approvals, to.expires_in })
  elseif row.phase == "approve" and to.outcome ~= "deny" then
    assert.is_true(to.approvals >= (high and 2 or 1))
  end
end

describe("rules that are staged", function()
  local g

  local function read(app)
    if math.random(3) == 1 then return app.client:get("/ledgers") end
    return app.client:get("/transactions", { ledgerId = pick { "ledger_main", "ledger_other" }, pageSize = 5 })
  end

  local function any_action(id)
    return pick {
      ledger.create(), ledger.create(nil, { amount_home = math.random(3000) }),
      ledger.update(id, { title = ledger.unique("Day") }), ledger.delete(id),
      { action = "transaction.hard_delete", payload = { transactionId = id }, justification = "A day." },
      ledger.export { startDate = "2026-11-01", endDate = "2026-11-30" },
    }
  end

  local function remember(pool, answer)
    local data = answer.status == 200 and answer.body.data
    if data and data.status == "draft" then
      pool.drafts[#pool.drafts + 1] = data.draft.id
    elseif data and data.execution and data.execution.result ~= null and data.execution.result.transaction then
      pool.transactions[#pool.transactions + 1] = data.execution.result.transaction.id
    end
  end

  -- One call of a day: what a busy client would ask for. Gives 1 for a read that was answered.
  local function call(app, pool, approver)
    local chance = math.random(100)
    if chance <= 30 then return read(app).status == 200 and 1 or 0 end
    local action = any_action(pick(pool.transactions))
    if chance <= 45 then
      app.client:post("/preflight", { action = action.action, payload = action.payload })
      return 0
    elseif chance <= 75 then
      action.execute = true
      action.idempotencyKey = ledger.unique("day")
    end
    remember(pool, app.client:post("/actions", action))
    if chance > 90 and #pool.drafts > 0 then
      approver:post("/drafts/" .. table.remove(pool.drafts, math.random(#pool.drafts)) .. "/approve")
    end
    return 0
  end

  it("are compared over a mixed day, each difference as the log has it", function()
    g = gateway.start { rate_limit = 10000000, flags = { "--workers", "2" } }
    finally(function() gateway.stop(g) end)
    local apps = { g:open_app(), g:app(),
      g:open_app { policy = { data = { allow_sensitive_fields = true, max_days = 400 } } } }
    local anna = g:person("anna", { "reviewer" }).client
    local pool, reads = { drafts = {}, transactions = {} }, 0
    for i = 1, 20 do pool.transactions[i] = ledger.make(apps[1].client).id end
    local staged = check.ok(g.admin:post("/policies/stage", { profile = "strict" })).staged
    local before = decisions.await(g.admin, 40)
    math.randomseed(5)
    for _ = 1, calls do reads = reads + call(pick(apps), pool, anna) end

    local report = gateway.eventually("all is compared", function()
      local first = decisions.report(g.admin)
      local rows = decisions.all(g.admin, { phase = "execute" })
      return first.decisions == decisions.report(g.admin).decisions and #rows > 0 and first
    end)
    local rows = {}
    for _, row in ipairs(decisions.all(g.admin)) do
      if row.number > before[1].number then rows[#rows + 1] = row end
    end
    assert.same({ "strict", staged.sha256 }, { report.staged.profile, report.staged.sha256 })
    assert.same({ 0, 0, 0, 0 }, { report.errors, report.skipped, report.lost, report.others })
    is_equal(report, rows)

    local others, tools = 0, {}
    for _, row in ipairs(rows) do
      others = others + (row.phase == "read" and 0 or 1)
      tools[row.tool] = true
      is_strict(row)
    end
    assert.equal(report.decisions, others + reads)
    for _, tool in ipairs { "transaction.create", "transaction.update", "transaction.delete", "transaction.hard_delete",
      "transactions.export_csv" } do
      assert.is_true(tools[tool], tool)
    end
    assert.is_true(report.cost.active_us_p99 >= report.cost.active_us_p50)
    assert.is_true(report.cost.staged_us_p50 > 0)
    assert.is_truthy(report.sentence:find(("Of %d decisions"):format(report.decisions), 1, true))
    assert.is_true(report.agreement < 1)
  end)

  describe("of a profile that a spec writes", function()
    local deny_all <const> =
      [[{ name = "no", tools = { "transaction.create" }, decide = function() return deny("No.") end }]]
    local app

    before_each(function()
      g = policies.start()
      app = g:open_app()
    end)
    after_each(function() policies.stop(g) end)

    local function stage(rules)
      g:profile("other", "return {\n" .. rules .. "\n}\n")
      return check.ok(g.admin:post("/policies/stage", { profile = "other" })).staged
    end

    it("fail where only the report says so", function()
      stage [[{ name = "broken", tools = { "transaction.create" },
        decide = function(request) error("secret words") end }]]
      local answer = app.client:post("/actions", ledger.create { execute = true })
      assert.equal("executed", check.ok(answer).status)
      local report = decisions.await_report(g.admin, 2)
      assert.same({ 2, 2, 0 }, { report.decisions, report.errors, report.same })
      assert.same({}, report.differences)
      assert.is_truthy(report.last_error:find("other/10-rules.lua:3: secret words", 1, true))
      assert.is_nil(answer.text:find("secret", 1, true))
      assert.is_nil(json.encode(g:audit()):find("secret", 1, true))
      assert.is_nil(g:log():find("secret", 1, true))
      local row = decisions.await(g.admin, 2)[1]
      assert.is_truthy(row.staged.error:find("secret words", 1, true))
      assert.same({ "allow", false }, { row.verdict.outcome, row.differs })
    end)

    it("tell people of other organisations nothing that was asked for", function()
      local fails <const> = [[{ name = "loud", tools = { "transaction.create" }, decide = function(request)
        if request.payload.amount_home == 13 then error("the amount " .. request.payload.amount_home) end
        return deny("No " .. request.payload.amount_home) end }]]
      stage(fails)
      for _, amount in ipairs { 12, 13 } do ledger.make(app.client, { amount_home = amount }) end
      local whole = decisions.await_report(g.admin, 4)
      assert.is_truthy(whole.last_error:find("the amount 13", 1, true))
      local job = check.ok(g.admin:post("/policies/replay", { profile = "other" })).job
      g:in_force(fails)
      check.refused(app.client:post("/actions", ledger.create(nil, { amount_home = 13 })), 403, "agent.policy_denied")
      assert.is_truthy(check.ok(g.admin:get("/policies")).active.errors.last.message:find("13", 1, true))
      local others = g:person("others", { "viewer" }, { "org_other" }).client
      for _, path in ipairs { "", "/stage/report", "/jobs/" .. job.id, "/decisions" } do
        local text = json.encode(check.ok(others:get("/policies" .. path)))
        assert.is_nil(text:find("the amount", 1, true) or text:find("No 12", 1, true) or text:find(app.app.id, 1, true),
          text)
      end
    end)

    it("run out of their budget on a thread of their own", function()
      stage [[{ name = "endless", tools = { "*" }, decide = function() while true do end end }]]
      assert.equal("executed", check.ok(app.client:post("/actions", ledger.create { execute = true })).status)
      assert.equal(2, decisions.await_report(g.admin, 2).errors)
    end)

    it("are counted on after the process was killed", function()
      local staged = stage(deny_all)
      ledger.make(app.client)
      local before = decisions.await_report(g.admin, 2)
      decisions.await(g.admin, 2)
      g:kill()
      g:restart()
      local after = decisions.await_report(g.admin, 2)
      assert.equal(staged.sha256, after.staged.sha256)
      assert.same(before.differences, after.differences)
      assert.same({ before.since, before.decisions, before.same }, { after.since, after.decisions, after.same })
      ledger.make(app.client)
      local later = decisions.await_report(g.admin, 4)
      assert.same({ 4, 2 }, { later.decisions, later.differences[1].count })
    end)

    it("begin anew when others come into force, and end when they are staged no more", function()
      stage(deny_all)
      ledger.make(app.client)
      assert.equal(2, decisions.await_report(g.admin, 2).decisions)
      g:in_force [[{ name = "a window", tools = { "*" }, window = function() return always() end }]]
      ledger.make(app.client)
      gateway.eventually("they begin anew", function() return #decisions.all(g.admin) == 4 end)
      assert.equal(2, decisions.report(g.admin).decisions)
      check.ok(g.admin:delete("/policies/stage"))
      assert.equal("nothing_staged", check.refused(g.admin:get("/policies/stage/report"), 409,
        "agent.precondition_failed").reason)
    end)

    it("begin anew when those come back into force that were there before, and are counted on from there", function()
      local function commit(calls, rows)
        calls()
        gateway.eventually("they are logged", function() return #decisions.all(g.admin) == rows end)
        return decisions.report(g.admin)
      end
      local function preflight()
        check.ok(app.client:post("/preflight", { action = "transaction.create", payload = ledger.create().payload }))
      end
      stage(deny_all)
      assert.equal(2, #commit(function() ledger.make(app.client) end, 2).differences)
      g:in_force [[{ name = "a window", tools = { "*" }, window = function() return always() end }]]
      commit(preflight, 3)
      check.ok(g.admin:post("/policies/rollback"))
      local back = commit(preflight, 4)
      assert.same({ 1, 0, 1 }, { back.decisions, back.skipped, #back.differences })
      g:kill()
      g:restart()
      local after = decisions.await_report(g.admin, 1)
      assert.same({ back.since, back.decisions, back.differences }, { after.since, after.decisions, after.differences })
    end)

    it("are compared in every obligation", function()
      g:in_force [[{ name = "before", tools = { "transaction.create" }, decide = function()
        return allow { limit = { count = 9, per = 60 }, redact = { "notes" } } end }]]
      stage [[{ name = "after", tools = { "transaction.create" }, decide = function()
        return allow { limit = { count = 8, per = 60 }, require = { "idempotency" },
          redact = { "amount_home" } } end }]]
      check.ok(app.client:post("/preflight", { action = "transaction.create", payload = ledger.create().payload }))
      local difference = decisions.await_report(g.admin, 1).differences[1]
      assert.same({ "limits", "redact", "require" }, difference.changed)
      assert.same({ "allow", "allow", "after" }, { difference.from.outcome, difference.to.outcome, difference.rule })
    end)

    it("name the rule behind what changes, whichever side it is on", function()
      local speaks <const> = [[{ name = "speaks", tools = { "*" }, decide = function() return allow() end },
        { name = "never", tools = { "*" }, window = function() return never "No." end },]]
      local hour <const> = [[{ name = "hour", tools = { "*" }, decide = function()
        return allow { expires_in = 3600 } end },
        { name = "limit", tools = { "*" }, decide = function() return allow { limit = { count = 9, per = 60 } } end }]]
      g:in_force(speaks)
      stage(speaks .. hour)
      ledger.draft(app.client, ledger.create())
      local staged = decisions.await_report(g.admin, 1).differences[1]
      assert.same({ { "expires_in", "limits" }, "hour" }, { staged.changed, staged.rule })
      g:in_force(speaks .. hour)
      stage(speaks)
      ledger.draft(app.client, ledger.create())
      local dropped = decisions.await_report(g.admin, 1).differences[1]
      assert.same({ { "expires_in", "limits" }, "hour" }, { dropped.changed, dropped.rule })
      decisions.await(g.admin, 2)
      local replayed = check.ok(g.admin:post("/policies/replay", { profile = "other", limit = 1 })).report.differences
      assert.same({ 1, "hour" }, { #replayed, replayed[1].rule })
    end)

    it("that hide tools by failing, or by not ending, are told", function()
      local function hidden()
        local report = decisions.report(g.admin)
        for _, difference in ipairs(report.differences) do
          assert.same({ "discover", "deny", "hides" }, { difference.phase, difference.to.outcome, difference.rule })
        end
        return #report.differences
      end
      stage [[{ name = "hides", tools = { "transaction.*" }, discover = function() error("no") end }]]
      assert.is_true(hidden() >= 1)
      stage [[{ name = "hides", tools = { "transaction.*" }, discover = function() while true do end end }]]
      assert.is_true(hidden() >= 1)
    end)

    it("refuse the calls of what they would hide, and hold back what they would list as a draft", function()
      stage [[{ name = "hidden", tools = { "transaction.create" }, discover = function() return false end },
        { name = "held", tools = { "transaction.delete" }, discover = function() return draft("People.") end }]]
      local id = ledger.make(app.client).id
      ledger.execute(app.client, ledger.delete(id))
      local function is_told(report)
        local outcomes = {}
        for _, difference in ipairs(report.differences) do
          if difference.phase ~= "discover" then
            outcomes[difference.tool .. " " .. difference.phase] = difference.from.outcome .. " " ..
              difference.to.outcome .. " " .. difference.to.code
          end
        end
        assert.same({
          ["transaction.create action"] = "allow deny agent.policy_denied",
          ["transaction.create execute"] = "allow deny agent.policy_denied",
          ["transaction.delete action"] = "allow draft agent.auto_execute_denied",
          ["transaction.delete execute"] = "allow draft agent.auto_execute_denied",
        }, outcomes)
        assert.equal(0, report.same)
      end
      is_told(decisions.await_report(g.admin, 4))
      decisions.await(g.admin, 4)
      is_told(check.ok(g.admin:post("/policies/replay", { profile = "other" })).report)
    end)

    it("say what manifests would show otherwise, of each app", function()
      g:app { scopes = { "ledger.read" } }
      stage [[{ name = "hidden", tools = { "transaction.create" }, discover = function() return false end }]]
      local report = decisions.report(g.admin)
      local seen = {}
      for _, difference in ipairs(report.differences) do
        assert.same({ "transaction.create", "discover", "deny", "hidden" },
          { difference.tool, difference.phase, difference.to.outcome, difference.rule })
        for _, counted in ipairs(difference.apps) do
          seen[counted.app_id] = { counted.count, difference.from.outcome }
        end
      end
      assert.same({ [app.app.id] = { 1, "allow" }, [g.credentials.app_id] = { 1, "draft" } }, seen)
      assert.same({ 3, 3 }, { report.manifests.apps, report.manifests.compared })
    end)
  end)
end)
