-- SPDX-License-Identifier: MIT
-- The recorded past judged again: by the rules that decided, and by others.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"
local socket = require "socket"

local null <const> = json.null

-- Rules of every kind: reasons, obligations, windows, counts, witnesses, sensitive fields, denials, reads.
local rules <const> = [[
local office = weekly { days = "mon-fri", from = "09:00", to = "17:00", tz = "Europe/Berlin" }
return {
  { name = "large amounts", tools = { "transaction.create", "transaction.update" }, decide = function(request)
      local amount = tonumber(request.payload.amount_home) or 0
      if amount > 900 then return deny("Too large.", { tag = "large" }) end
      if amount > 100 then return draft("Two people for " .. amount, { approvals = 2, expires_in = 3600 }) end
      return allow { limit = { count = 1000, per = 60 } }
    end },
  { name = "counts", tools = { "transaction.create" }, decide = function(request)
      local count = request.recent { tool = "transaction.create", seconds = 1 }
      if count % 3 == 2 then return draft("Every third: " .. count) end
    end },
  { name = "deletes", tools = { "transaction.delete" },
    decide = function(request)
      if request.phase ~= "read" then return draft("Deletes are reviewed.", { require = { "witness" } }) end
    end,
    witness = function(_, state) return { at = state.updated_at } end },
  { name = "exports", tools = { "transactions.export_csv" }, window = function() return office end },
  { name = "reads", tools = { "transaction.list" }, decide = function(request)
      if request.payload.ledgerId == "ledger_travel" then return deny("Not this one.") end
      return allow { max_rows = 50, redact = { "notes" } }
    end },
}
]]

describe("a replay", function()
  local g, apps, ids, mixed
  local since, since_ms -- the rules are in force

  local function logged(columns, more)
    return db.rows(g.data .. "/decisions.db",
      ("SELECT %s FROM decisions WHERE at >= %d %s"):format(columns, since_ms, more or ""))
  end

  local function log_rows() return logged("count(*) AS n")[1].n end

  local function text_of(ms)
    return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
  end

  -- Requests of all kinds, of three apps.
  local function requests(count)
    local list = {}
    for i = 1, count do
      local app, kind, body = apps[i % 3 + 1], i % 9, nil
      if kind < 4 then body = ledger.create({ execute = kind > 1 }, { amount_home = (i * 37) % 1100 })
      elseif kind == 4 then body = ledger.update(ids[i % 8 + 1], { title = "Round " .. i }, { execute = true })
      elseif kind == 5 then body = ledger.delete(ids[i % 8 + 1], { execute = true })
      elseif kind == 6 then body = ledger.export({ limit = 5 }, { execute = true }) end
      if body then
        list[i] = { method = "POST", path = i % 5 == 0 and "/preflight" or "/actions", json = body,
          client = app.client }
      else
        list[i] = { method = "GET", path = "/transactions", client = app.client,
          query = { ledgerId = kind == 7 and "ledger_travel" or "ledger_main" } }
      end
    end
    return list
  end

  local function decide(count)
    for i, response in ipairs(http.parallel(apps[1].client, requests(count), 8)) do
      assert.is_truthy(({ [200] = true, [403] = true, [409] = true })[response.status], i .. ": " .. response.text)
    end
  end

  local function await_log(least)
    local before
    gateway.eventually("the log is written", function()
      local now = log_rows()
      local still = now == before and now >= least
      before = now
      socket.sleep(0.15)
      return still
    end)
  end

  setup(function()
    g = policies.start { config = "limits:\n  pending_drafts_max: 1000000\n" }
    apps, ids = { g:open_app(), g:open_app { name = "Second" }, g:open_app { name = "Third" } }, {}
    for i = 1, 8 do ids[i] = ledger.make(apps[1].client).id end
    check.ok(g:rules(rules))
    socket.sleep(0.01)
    since_ms = socket.gettime() * 1000 // 1 | 0
    since = text_of(since_ms)
    mixed = tonumber(os.getenv("OPP_REPLAYED")) or os.getenv("OPP_LONG") and 100000 or 900
    decide(mixed)
    for _, draft in ipairs(check.ok(apps[2].client:get("/drafts", { status = "draft", limit = 10 })).items) do
      g.admin:post("/drafts/" .. draft.id .. "/approve")
    end
    await_log(mixed // 2)
  end)
  teardown(function() policies.stop(g) end)

  local function wait_for(data)
    return gateway.eventually("the replay ends", function()
      local now = check.ok(g.admin:get("/policies/jobs/" .. data.job.id))
      return now.job.status ~= "running" and now
    end)
  end

  local function replay(profile, fields)
    local body = { profile = profile, since = since }
    for name, value in pairs(fields or {}) do body[name] = value end
    return wait_for(check.ok(g.admin:post("/policies/replay", body)))
  end

  it("by the rules that decided finds no difference", function()
    local data = replay("mine")
    assert.equal("done", data.job.status)
    assert.same({}, data.report.differences)
    assert.same({ log_rows(), 0 }, { data.report.decisions + data.report.unreplayable, data.report.errors })
    assert.equal(data.report.decisions, data.report.same)
    assert.is_true(data.report.decisions > mixed // 2)
    assert.equal(data.job.total, data.job.done)
    assert.equal(check.ok(g.admin:get("/policies")).active.sha256, data.job.sha256)
  end)

  it("by others counts what an independent look at the log counts", function()
    g:profile("none", "return {}\n")
    local data, expected, found = replay("none"), 0, 0
    for _, row in ipairs(logged("verdict, ruling, replayable")) do
      local ruling, verdict = json.decode(row.ruling), json.decode(row.verdict)
      local denied = ruling.outcome == "deny" and verdict.outcome == "deny"
      if row.replayable == 1 and denied then expected = expected + 1 end
    end
    for _, difference in ipairs(data.report.differences) do
      if difference.from.outcome == "deny" then found = found + difference.count end
      assert.is_true(#difference.changed > 0 and #difference.examples > 0)
    end
    assert.is_true(expected > 20)
    assert.equal(expected, found)
    local total = data.report.same
    for _, difference in ipairs(data.report.differences) do total = total + difference.count end
    assert.equal(data.report.decisions, total)
  end)

  it("names the rule that is responsible, and shows newest examples", function()
    g:profile("strict2", [[return { { name = "nobody creates", tools = { "transaction.create" },
      decide = function() return deny("Nobody creates.") end } }]])
    local data = replay("strict2")
    local difference
    for _, each in ipairs(data.report.differences) do
      if each.tool == "transaction.create" and each.from.outcome ~= "deny" then difference = each end
    end
    assert.same({ "nobody creates", "deny", "agent.policy_denied" },
      { difference.rule, difference.to.outcome, difference.to.code })
    local example = difference.examples[1]
    assert.equal("Nobody creates.", example.to_reason)
    assert.is_truthy(example.request_id:find("^req_"))
    assert.is_true(#difference.examples < 2 or example.number > difference.examples[2].number)
  end)

  it("looks at the newest so many, or at those since a time", function()
    assert.equal(10, replay("mine", { limit = 10 }).job.total)
    local recorded <const> = "number / 1000" -- ms; what was decided in a moment before may be recorded after
    local at = logged(recorded .. " AS at", "ORDER BY number DESC LIMIT 1 OFFSET 19")[1].at
    local data = replay("mine", { since = text_of(at) })
    assert.same({ logged("count(*) AS n", ("AND %s >= %d"):format(recorded, at))[1].n, text_of(at), text_of(at) },
      { data.job.total, data.job.since, data.report.since })
    local all = db.rows(g.data .. "/decisions.db",
      ("SELECT count(*) AS n, min(%s) AS at FROM decisions"):format(recorded))[1]
    data = check.ok(g.admin:post("/policies/replay", { profile = "mine" }))
    assert.same({ all.n, text_of(all.at) }, { data.job.total, data.report.since })
    assert.equal(0, replay("mine", { since = "2100-01-01T00:00:00Z" }).report.decisions)
  end)

  it("answers counts from the executions of then where nobody asked for them then", function()
    g:profile("counting", [[return { { name = "asks otherwise", tools = { "transaction.create" },
      decide = function(request)
        if request.phase == "action" and request.recent { seconds = 2 } >= 0 then return deny("Counted.") end
      end } }]])
    local data = replay("counting", { limit = 500 })
    assert.equal(0, data.report.errors, data.report.last_error)
    local reasons = {}
    for _, difference in ipairs(data.report.differences) do
      reasons[#reasons + 1] = difference.to.outcome == "deny" and difference.examples[1].to_reason or nil
    end
    assert.equal("Counted.", reasons[1])
  end)

  it("counts apart what read a value that the log only has a hash of", function()
    g:profile("titles", [[return { { name = "titles", tools = { "transaction.create" },
      decide = function(request) if request.payload.title == "x" then return deny("x") end end } }]])
    local data = replay("titles")
    assert.is_true(data.report.unreplayable > 100)
    assert.equal(log_rows(), data.report.decisions + data.report.unreplayable)
  end)

  it("is a job that can be asked for, and canceled", function()
    g:profile("slow", [[return { { name = "slow", tools = { "*" }, decide = function()
      local n = 0 for _ = 1, 500 do n = n + #string.rep("x", 50000) end if n < 0 then return deny("never") end
      end } }]])
    local function running()
      return check.find(check.ok(g.admin:get("/policies/jobs")).items, { status = "running" })
    end
    local began = g.admin:start { method = "POST", path = "/policies/replay", json = { profile = "slow" } }
    local job = gateway.eventually("it runs", running)
    assert.same({ "slow", "owner", null }, { job.profile, job.started_by, job.finished_at })
    local busy = g.admin:post("/policies/replay", { profile = "mine" })
    check.refused(busy, 503, "common.unavailable")
    assert.equal("Another replay runs: one does at a time.", busy.body.message)
    check.ok(g.admin:delete("/policies/jobs/" .. job.id))
    local ended = wait_for(check.ok(assert(began:finish())))
    assert.same({ job.id, "canceled", null }, { ended.job.id, ended.job.status, ended.report })
    assert.is_true(ended.job.done < ended.job.total)
    assert.same(ended, check.ok(g.admin:get("/policies/jobs/" .. job.id)))
    assert.is_nil(running())
    for _, method in ipairs { "get", "delete" } do
      check.refused(g.admin[method](g.admin, "/policies/jobs/job_none"), 404, "agent.not_found")
    end
    replay("mine")
  end)

  it("refuses a profile that does not load, and requests that are wrong", function()
    g:profile("broken", "return {\n  { name = 'x',\n}\n")
    local issue = check.refused(g.admin:post("/policies/replay", { profile = "broken" }), 400).issues[1]
    assert.is_truthy(issue.file:find("broken/10-rules.lua", 1, true))
    for _, body in ipairs { {}, { profile = "nowhere" }, { profile = "../mine" }, { profile = "mine", limit = 0 },
      { profile = "mine", since = "yesterday" } } do
      check.refused(g.admin:post("/policies/replay", json.object(body)), 400, "common.validation")
    end
  end)

  it("is an operator's to start and to end, and anybody's of the people to look at", function()
    local data = replay("mine")
    for role, status in pairs { viewer = 403, reviewer = 403, operator = 200 } do
      local client = g:person("replay_" .. role, { role }).client
      assert.equal(status, client:post("/policies/replay", { profile = "mine" }).status)
      assert.equal(status, client:delete("/policies/jobs/" .. data.job.id).status)
      check.ok(client:get("/policies/jobs/" .. data.job.id))
      check.ok(client:get("/policies/jobs"))
    end
  end)

  describe("offline", function()
    local function run(profile, more)
      return gateway.run(("replay --profile %s --data '%s/data' --policies '%s' --since %s %s"):format(profile, g.dir,
        g.policies, since, more or ""))
    end

    it("ends with 0 where nothing differs, beside the running gateway and after it", function()
      local output, code = run "mine"
      assert.equal(0, code, output)
      assert.is_truthy(output:find("would be the same under mine", 1, true), output)
      g:terminate()
      assert.equal(0, select(2, run "mine"))
      g:restart()
    end)

    it("ends with 1 where something does, and shows it in a table", function()
      g:profile("none", "return {}\n")
      local output, code = run "none"
      assert.equal(1, code, output)
      assert.is_truthy(output:find("%s exports\n"), output)
      assert.is_truthy(output:find("\n *count%s+tool%s+phase%s+from %-> to%s+changed%s+rule\n"), output)
      assert.is_truthy(output:find("deny -> allow", 1, true), output)
      g:profile("fails", "return { { name = 'f', tools = { '*' }, decide = function() error('no') end } }\n")
      output, code = run "fails"
      assert.equal(1, code, output)
      assert.is_truthy(output:find("The last error: fails/10-rules.lua:1", 1, true), output)
    end)

    it("prints the report that the gateway gives as JSON", function()
      local output, code = run("none", "--json --limit 300")
      local report = assert(json.decode(output), output)
      assert.equal(1, code)
      assert.is_true(report.decisions + report.unreplayable == 300)
      local live = replay("none", { limit = 300 }).report
      report.cost, live.cost = nil, nil
      assert.same(live, report)
    end)

    it("ends with 2 where it cannot be said", function()
      assert.equal(2, select(2, run "nowhere"))
      assert.equal(2, select(2, run("mine", "--since yesterday")))
      for _, limit in ipairs { -1, 0 } do assert.equal(2, select(2, run("mine", "--limit " .. limit))) end
      assert.equal(2, select(2, gateway.run("replay --profile default --data '" .. g.policies .. "'")))
      for _, ago in ipairs { "1d", "2h", "2026-01-01", "2026-01-01T00:00:00Z" } do
        assert.is_true(select(2, run("mine", "--since " .. ago)) < 2)
      end
    end)
  end)

  it("changes nothing", function()
    local before, rows = check.ok(g.admin:get("/policies")), log_rows()
    replay("none")
    assert.same(before, check.ok(g.admin:get("/policies")))
    assert.equal(rows, log_rows())
  end)

  it("does not hold up the end of the process", function()
    g.admin:start { method = "POST", path = "/policies/replay", json = { profile = "slow" } }
    assert.equal(0, g:terminate())
    g:restart()
  end)
end)
