-- SPDX-License-Identifier: MIT
<<<<<<< HEAD
=======
<<<<<<<< HEAD:spec/http/decisions_spec.lua
-- Decisions and audit rows are the same number of the same thing. OPP_LONG: over ten thousand mixed requests.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local generate = require "spec.support.generate"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

local count <const> = os.getenv("OPP_LONG") and 10000 or 1000
local batch <const> = 250

describe("every decision", function()
  local g, config, decisions, rows
  local undecided = 0 -- judged again too often, because the apps kept changing: the caller is to repeat it

  -- Reads of agents and everything that changes something are recorded, whatever became of it; manifests, looks at
  -- drafts and what people look at are not.
  local function is_recorded(request, who)
    local read = request.path:match("^/ledgers") or request.path:match("^/transactions")
    return request.method ~= "GET" or request.client == who.agent and read ~= nil
  end

  local function pool_of(agent)
    local pool = { app = { "app_none" }, key = { "key_none" }, draft = { "drf_none" }, preflight = { "pfl_none" } }
    for _ = 1, 4 do
      local app = g:app()
      table.insert(pool.app, app.app.id)
      table.insert(pool.key, app.key.id)
      table.insert(pool.draft, ledger.draft(agent.client, ledger.create()).id)
    end
    return pool
  end

  -- Every third is one that an honest agent would send.
  local function requests_of(make, agent)
    local requests = {}
    for i = 1, batch do
      requests[i] = make()
      if i % 3 == 0 then
        requests[i] = { client = agent, method = "POST", path = "/actions",
          json = ledger.create { execute = i % 2 == 0, idempotencyKey = i % 5 == 0 and ledger.unique("key") or nil } }
      end
    end
    return requests
  end

  setup(function()
    config = os.tmpname()
    gateway.write_file(config, "limits: { pending_drafts_max: 1000000 }\n") -- what is refused with 429 has no row
    g = gateway.start { flags = { "--config", config } }
    local agent = g:open_app()
    local pool = pool_of(agent)
    local person = g:person("user_generated", { "reviewer", "operator", "owner" }, { "org_demo" })
    local who = { agent = agent.client, admin = person.client }
    local make = generate.requests(20261122, pool, who)
    decisions = {}
    for _ = 1, count // batch do
      local requests = requests_of(make, agent.client)
      for i, response in ipairs(http.parallel(who.agent, requests, 16)) do
        local request, decided = requests[i], response.body.code ~= "common.unavailable"
        undecided = undecided + (decided and 0 or 1)
        decisions[#decisions + 1] = { id = response.headers["x-request-id"], response = response,
          agent = request.client == who.agent, recorded = decided and is_recorded(request, who),
          what = request.method .. " " .. request.path }
      end
    end
    g:app() -- is on disk, and with it what was queued before
    rows = g:audit()
  end)
  teardown(function()
    gateway.stop(g)
    os.remove(config)
  end)

  it("has its rows, the last of which says what was answered, and nothing else has", function()
    local of = {}
    for i = #rows, 1, -1 do
      local id = rows[i].request_id or ""
      of[id] = of[id] or {}
      table.insert(of[id], rows[i])
    end
    local executed = 0
    for _, decision in ipairs(decisions) do
      local mine, code = of[decision.id] or {}, decision.response.body.code
      assert.equal(decision.recorded, #mine > 0, decision.what .. " " .. decision.response.text:sub(1, 200))
      local last = mine[#mine]
      local denied = last and decision.response.body.data and decision.response.body.data.autoExecuteDeniedCode
      if last and last.action == "agent.action.auto_execute.requested" and type(denied) == "string" then
        assert.equal(denied, last.code, decision.what)
      elseif last then
        assert.equal(code, last.code, decision.what)
      end
      if last and last.action == "agent.action.execute" and last.status == "success" then executed = executed + 1 end
    end
    assert.is_true(undecided < count / 100, undecided .. " were not decided")
    assert.is_true(executed > count / 20, "hardly anything was executed: the requests test nothing")
  end)

  it("is one of a sequence without a gap", function()
    for i, row in ipairs(rows) do assert.equal(#rows - i + 1, row.seq) end
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("names the request, the policy that it was judged under, and the key or the person", function()
    local ours = {}
    for _, decision in ipairs(decisions) do ours[decision.id] = decision end
    local policy = check.ok(g.admin:get("/policies")).active
    for _, row in ipairs(rows) do
      local decision = ours[row.request_id]
      if decision then
        local generation, hash = row.policy_generation:match("^(%d+)%-(%x+)$")
        assert.same({ policy.generation, policy.sha256:sub(1, #hash) }, { tonumber(generation), hash })
        local by = decision.agent and row.key_id or row.performed_by_user_id
        assert.is_string(by, decision.what)
      end
    end
========
>>>>>>> main
-- The decision log: what is in it, who may read it, how it is searched; and that nothing depends on it.
local check = require "spec.support.check"
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
<<<<<<< HEAD
    assert.same({ "action allow", "execute allow", "preflight allow", "action draft", "approve allow", "execute allow" },
=======
    assert.same({ "action allow",
      "execute allow", "preflight allow", "action draft", "approve allow", "execute allow" },
>>>>>>> main
      names(rows))
    local action = rows[3]
    assert.equal(answer.headers["x-request-id"], action.request_id)
    assert.same({ app.app.id, "org_demo", "mine", 1 }, { action.app_id, action.org_id, action.profile, action.sample })
    assert.same({ transactionId = made.id }, action.request.payload)
    assert.equal("anna", rows[2].request.reviewer.user_id)
    assert.same({ approvals = 1, outcome = "allow" }, rows[2].verdict)
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
    assert.same({ rows[1].number, rows[2].number }, { page.items[1].number, page.items[2].number })
    local next_page = check.ok(g.admin:get("/policies/decisions", { limit = 2, cursor = page.nextCursor }))
    assert.equal(rows[3].number, next_page.items[1].number)
    check.refused(g.admin:get("/policies/decisions", { phase = "discover" }), 400, "common.validation")
    check.refused(g.admin:get("/policies/decisions", { from = "yesterday" }), 400, "common.validation")
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
    gateway.eventually("the log says so", function() return g:log():find("decisions.unavailable", 1, true) end)
    assert.equal(200, g:client(""):get("/readyz").status)
    assert.equal("directory", lfs.attributes(g.data .. "/decisions.db", "mode"))
  end)

  it("is kept over a restart", function()
    ledger.make(app.client)
    local before = decisions.await(g.admin, 2)
    g:restart()
    assert.same(before, decisions.all(g.admin))
<<<<<<< HEAD
=======
>>>>>>>> main:spec/http/decision_log_spec.lua
>>>>>>> main
  end)
end)
