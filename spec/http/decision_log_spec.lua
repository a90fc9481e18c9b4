-- SPDX-License-Identifier: MIT
-- The decision log: what is in it, who may read it, how it is searched; and that nothing depends on it.
local check = require "spec.support.check"
local db = require "spec.support.db"
local decisions = require "spec.support.decisions"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local lfs = require "lfs"
local policies = require "spec.support.policies"

local null <const> = json.null

describe("the decision log", function()
  local g, app

  before_each(function()
    g = policies.start()
    app = g:open_app()
  end)
  after_each(function() policies.stop(g) end)

  local function names(rows)
    local list = {}
    for i, row in ipairs(rows) do list[#rows - i + 1] = row.phase .. " " .. row.outcome end
    return list
  end

  it("has every preflight, action, approval and execution, with what came of it", function()
    local made = ledger.make(app.client)
    check.ok(app.client:post("/preflight", { action = "transaction.delete", payload = { transactionId = made.id } }))
    local answer = app.client:post("/actions", ledger.delete(made.id))
    local draft = check.ok(answer).draft
    ledger.approve(g:person("anna", { "reviewer" }).client, draft)
    local rows = decisions.await(g.admin, 6)
    assert.same({ "action allow",
      "execute allow", "preflight allow", "action draft", "approve allow", "execute allow" },
      names(rows))
    local action = rows[3]
    assert.equal(answer.headers["x-request-id"], action.request_id)
    assert.same({ app.app.id, "org_demo", "mine", 1 }, { action.app_id, action.org_id, action.profile, action.sample })
    assert.same({ transactionId = made.id }, action.request.payload)
    assert.equal("anna", rows[2].request.reviewer.user_id)
    assert.same({ approvals = 1, outcome = "allow" }, rows[2].verdict)
  end)

  it("shows a draft as the rules are shown it, whether one was asked or not", function()
    local function executed()
      local draft = ledger.draft(app.client, ledger.delete(ledger.make(app.client).id))
      ledger.approve(g:person(ledger.unique("anna"), { "reviewer" }).client, draft)
      return draft.id
    end
    local ids = { executed() }
    g:in_force [[{ name = "mute", tools = { "transaction.delete" }, decide = function() end }]]
    ids[2] = executed()
    local rows = decisions.await(g.admin, 2, { phase = "execute", tool = "transaction.delete" })
    local silent, asked = rows[2].request.draft, rows[1].request.draft
    assert.same(ids, { silent.id, asked.id })
    for _, draft in ipairs { silent, asked } do
      assert.same({ 1, 1, 1 }, { draft.approvals_given, draft.approvals_required, #draft.approved_by })
      assert.equal(7 * 24 * 3600, draft.expires_at - draft.created_at)
      draft.id, draft.created_at, draft.expires_at, draft.approved_by = nil, nil, nil, nil
    end
    assert.same(asked, silent)
  end)

  it("has reads that were denied, and of the others one in a hundred", function()
    g:in_force [[{ name = "r", tools = { "transaction.list" }, decide = function(q)
      if q.payload.pageSize == 7 then return deny("Seven.") end end }]]
    for _ = 1, 250 do check.ok(app.client:get("/transactions", { pageSize = 1 })) end
    for _ = 1, 3 do check.refused(app.client:get("/transactions", { pageSize = 7 }), 403, "agent.policy_denied") end
    local rows = decisions.await(g.admin, 3, { outcome = "deny" })
    assert.equal(3, #rows)
    assert.same({ "Seven.", "r", 1 }, { rows[1].ruling.reason, rows[1].ruling.reasons[1].rule, rows[1].sample })
    local allowed = decisions.all(g.admin, { phase = "read", outcome = "allow" })
    assert.is_true(#allowed <= 2)
    for _, row in ipairs(allowed) do assert.equal(100, row.sample) end
  end)

  it("has each read that was out of its bounds as one", function()
    g:in_force [[{ name = "r", tools = { "transaction.list" }, decide = function() return allow { max_days = 5 } end }]]
    for _ = 1, 120 do
      check.refused(app.client:get("/transactions", { startDate = "2026-01-01", endDate = "2026-03-01" }), 403,
        "agent.policy_denied")
    end
    local rows = decisions.await(g.admin, 120, { phase = "read", outcome = "deny" })
    for _, row in ipairs(rows) do assert.equal(1, row.sample) end
  end)

  it("is searched by each of its fields, a page at a time", function()
    local first = ledger.make(app.client)
    local other = g:open_app()
    ledger.make(other.client)
    app.client:post("/actions", ledger.delete(first.id))
    local rows = decisions.await(g.admin, 5)
    local function count(query) return #decisions.all(g.admin, query) end
    assert.same({ 2, 3 }, { count { appId = other.app.id }, count { appId = app.app.id } })
    assert.same({ 1, 4 }, { count { tool = "transaction.delete" }, count { tool = "transaction.create" } })
    assert.same({ 3, 2 }, { count { phase = "action" }, count { phase = "execute" } })
    assert.same({ 4, 1, 0 }, { count { outcome = "allow" }, count { outcome = "draft" }, count { differs = true } })
    assert.equal(2, count { requestId = rows[5].request_id })
    assert.equal(2, count { requestId = rows[5].request_id, appId = app.app.id, tool = "transaction.create",
      outcome = "allow", from = rows[5].at, to = "2999-01-01T00:00:00Z", differs = false })
    assert.same({ 0, 5 }, { count { to = rows[5].at }, count { from = rows[5].at } })
    local page = check.ok(g.admin:get("/policies/decisions", { limit = 2 }))
    assert.same({ 0, 0 }, { page.skipped, page.lost })
    assert.same({ rows[1].number, rows[2].number }, { page.items[1].number, page.items[2].number })
    local next_page = check.ok(g.admin:get("/policies/decisions", { limit = 2, cursor = page.nextCursor }))
    assert.equal(rows[3].number, next_page.items[1].number)
    check.refused(g.admin:get("/policies/decisions", { phase = "discover" }), 400, "common.validation")
    check.refused(g.admin:get("/policies/decisions", { from = "yesterday" }), 400, "common.validation")
  end)

  describe("of many decisions", function()
    local rows <const> = 60000
    -- Copies of one decision: half of them of one tool in one phase, half of another in another; and two, the oldest,
    -- that are both.
    local function fill()
      ledger.make(app.client)
      local row = decisions.await(g.admin, 2)
      g:terminate()
      local columns = "app_id, org_id, outcome, profile, sha256, at, generation, took_ns, sample, replayable, differs, "
        .. "request, core, recent, hashed, ruling, verdict, staged"
      db.change(g.data .. "/decisions.db", ([[DELETE FROM decisions WHERE number <> :newest;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
        INSERT INTO decisions(number, request_id, tool, phase, %s)
        SELECT :newest - i, 'req_' || i, CASE WHEN i > %d - 2 OR i %% 2 THEN 'a' ELSE 'b' END,
          CASE WHEN i > %d - 2 OR i %% 2 = 0 THEN 'preflight' ELSE 'action' END, %s
        FROM n, decisions WHERE number = :newest]]):format(rows, columns, rows, rows, columns),
        { newest = row[1].number })
      g:restart()
    end

    -- The answers to a search until its end.
    local function pages(client, query)
      local list, cursor = {}, nil
      repeat
        query.cursor = cursor
        local data = check.ok(client:get("/policies/decisions", query))
        list[#list + 1] = data
        cursor = data.nextCursor
      until cursor == null
      return list
    end

    local function sum(list)
      local count = 0
      for _, page in ipairs(list) do count = count + #page.items end
      return count
    end

    it("answers a search that finds little with how far it came, and not late", function()
      fill()
      local found = pages(g.admin, { tool = "a", phase = "preflight", limit = 500 })
      assert.same({ 0, "string" }, { #found[1].items, type(found[1].nextCursor) })
      assert.equal(2, sum(found))
      assert.is_true(#found > 2 and #found < 20)
      assert.equal(0, sum(pages(g:person("others", { "viewer" }, { "org_other" }).client, { limit = 500 })))
      local oldest = found[#found].items[1]
      assert.same({ oldest }, check.ok(g.admin:get("/policies/decisions", { requestId = oldest.request_id })).items)
      local common = check.ok(g.admin:get("/policies/decisions", { tool = "a", limit = 500 }))
      assert.equal(500, #common.items)
    end)
  end)

  it("shows people their organisations' decisions only", function()
    ledger.make(app.client)
    decisions.await(g.admin, 2)
    local theirs = g:person("theirs", { "viewer" }, { "org_demo" }).client
    local others = g:person("others", { "viewer" }, { "org_other" }).client
    assert.same({ 2, 0 }, { #decisions.all(theirs), #decisions.all(others) })
    assert.equal(401, app.client:get("/policies/decisions").status == 404 and 401 or 0)
  end)

  it("holds sensitive values as keyed hashes, in the file too", function()
    local title = ledger.unique("Confidential")
    for _ = 1, 2 do ledger.make(app.client, { title = title }) end
    local rows = decisions.await(g.admin, 4)
    local hash = rows[1].request.payload.title
    assert.is_truthy(hash:find("^hmac:%x+$"))
    assert.equal(hash, rows[4].request.payload.title)
    for _, name in ipairs { "decisions.db", "decisions.db-wal" } do
      local bytes = gateway.read_file(g.data .. "/" .. name) or ""
      assert.is_nil(bytes:find(title, 1, true))
    end
    assert.is_truthy(gateway.read_file(g.data .. "/decisions.db-wal"):find(hash, 1, true))
  end)

  it("says which decisions cannot be made again because a rule read what is hashed", function()
    g:in_force [[{ name = "r", tools = { "transaction.create" }, decide = function(q)
      if q.payload.amount_home > 100 and q.payload.title == "x" then return deny("No.") end end }]]
    ledger.make(app.client, { amount_home = 5 })
    ledger.make(app.client, { amount_home = 500 })
    local rows = decisions.await(g.admin, 4)
    assert.same({ false, false, true, true }, { rows[1].replayable, rows[2].replayable, rows[3].replayable,
      rows[4].replayable })
  end)

  it("keeps what rules asked to be counted, and why one failed", function()
    g:in_force [[{ name = "r", tools = { "transaction.create" }, decide = function(q)
      return deny(q.payload.title .. nil) end }]]
    check.refused(app.client:post("/actions", ledger.create()), 403, "agent.policy_denied")
    local row = decisions.await(g.admin, 1)[1]
    assert.same({ true, "deny" }, { row.ruling.failed, row.outcome })
    assert.is_truthy(row.ruling.error.message:find("concatenate", 1, true))
    g:in_force [[{ name = "r", tools = { "transaction.create" }, decide = function(q)
      if q.recent { seconds = 60 } > 5 then return deny("Busy.") end end }]]
    ledger.make(app.client)
    row = decisions.await(g.admin, 3)[1]
    assert.same({ { null, 60, 0 } }, row.recent)
  end)

  it("can be broken, and nobody who calls notices", function()
    g:terminate()
    os.execute(("rm -f '%s'/decisions.db*; mkdir '%s/decisions.db'"):format(g.data, g.data))
    g:restart()
    app.client = g:agent_client(app.token)
    ledger.make(app.client)
    check.refused(g.admin:get("/policies/decisions"), 503, "common.unavailable")
    check.refused(g.admin:post("/policies/evaluate", { request_id = "req_1" }), 503, "common.unavailable")
    local job = check.ok(g.admin:post("/policies/replay", { profile = "mine" })).job
    assert.same({ "failed", "The decision log cannot be judged again now." }, { job.status, job.error })
    local lost = 'oppd_decision_log_decisions_total{result="lost"} '
    gateway.eventually("what it lacks is counted", function()
      return g:client("", g.admin.token):get("/metrics").text:match(lost .. "(%d+)") == "2"
    end)
    gateway.eventually("the log says so", function() return g:log():find("decisions.unavailable", 1, true) end)
    assert.equal(200, g:client(""):get("/readyz").status)
    assert.equal("directory", lfs.attributes(g.data .. "/decisions.db", "mode"))
  end)

  it("begins anew when its file is taken away, and the report does not", function()
    check.ok(g.admin:post("/policies/stage", { profile = "mine" }))
    ledger.make(app.client)
    decisions.await(g.admin, 2)
    os.execute(("rm '%s'/decisions.db*"):format(g.data))
    ledger.make(app.client)
    gateway.eventually("there is a new one", function()
      local answer = g.admin:get("/policies/decisions")
      return answer.status == 200 and #answer.body.data.items == 2
    end)
    assert.is_truthy(g:log():find("decisions.gone", 1, true))
    g:restart()
    assert.equal(4, decisions.await_report(g.admin, 4).decisions)
  end)

  it("is kept over a restart", function()
    ledger.make(app.client)
    local before = decisions.await(g.admin, 2)
    g:restart()
    assert.same(before, decisions.all(g.admin))
  end)
end)
