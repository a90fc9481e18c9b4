-- SPDX-License-Identifier: MIT
-- A load of everything that changes data, until the gateway is gone, and what must hold of its data afterwards.
local assert = require "luassert"
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local mixed = {}

-- Gives the loads of one gateway: round() makes a new one, run(round, seconds) lets it act until the gateway is gone,
-- verify(round) checks everything after the next start.
function mixed.of(g)
  -- What a round's actors have asked, and what they were answered.
  local function new_round()
    return { app = g:open_app(), drafts = {}, undecided = {}, keys = {}, apps = {}, acknowledged = 0 }
  end

  local actors = {}

  -- Makes drafts, half of them with a key.
  function actors.drafter(round, send)
    local action = ledger.create { idempotencyKey = math.random(2) == 1 and ledger.unique("draft") or nil }
    local answer = send(round.app.client, ledger.request(action))
    if answer then
      local draft = { id = check.ok(answer).draft.id, title = action.payload.title }
      round.drafts[#round.drafts + 1], round.undecided[#round.undecided + 1] = draft, draft
    end
    return answer
  end

  -- Executes with keys; a third of the requests repeat an earlier one, which may be still under way elsewhere.
  function actors.executor(round, send)
    local count = #round.keys
    local entry = count > 0 and math.random(3) == 1 and round.keys[math.random(math.max(1, count - 5), count)]
    if not entry then
      entry = { action = ledger.keyed { execute = true } }
      round.keys[count + 1] = entry
    end
    local answer = send(round.app.client, ledger.request(entry.action))
    if answer then
      local id = check.ok(answer).execution.id
      assert.equal(entry.execution or id, id)
      entry.execution = id
    end
    return answer
  end

  -- Approves drafts, and rejects a third.
  function actors.reviewer(round, send)
    local draft = table.remove(round.undecided, 1)
    if not draft then
      return send(g.admin, { method = "GET", path = "/drafts" })
    end
    draft.asked = math.random(3) == 1 and "reject" or "approve"
    local answer = send(g.admin, { method = "POST", path = ("/drafts/%s/%s"):format(draft.id, draft.asked) })
    if answer then
      draft.done = check.ok(answer) and draft.asked
    end
    return answer
  end

  function actors.reader(round, send)
    local paths = { "/transactions", "/drafts", "/manifest" }
    local answer = send(round.app.client, { method = "GET", path = paths[math.random(#paths)] })
    return answer and check.ok(answer) and answer
  end

  local function new_app(round, send)
    local answer = send(g.admin, { method = "POST", path = "/apps",
      json = { scope = "workspace", name = "Made", org_id = "org_demo", scopes = gateway.scopes } })
    if answer then
      local made = check.ok(answer)
      round.apps[#round.apps + 1] = { id = made.app.id, key = made.key.id, token = made.token, changes = 0 }
    end
    return answer
  end

  -- Makes apps, narrows each eight times, and revokes its key.
  function actors.administrator(round, send)
    local app = round.apps[#round.apps]
    if not app or app.revoking then
      return new_app(round, send)
    end
    app.changes = app.changes + 1
    app.revoking = app.changes > 8
    if app.revoking then
      local answer = send(g.admin, { method = "POST", path = ("/keys/%s/revoke"):format(app.key) })
      app.revoked = answer and check.ok(answer) and true
      return answer
    end
    app.asked = math.random(3000)
    local answer = send(g.admin, { method = "PATCH", path = ("/apps/%s/policy"):format(app.id),
      json = { data = { max_days = app.asked } } })
    if answer then
      check.ok(answer)
      app.days = app.asked
    end
    return answer
  end

  -- Acts over a connection of its own until that breaks; there may be nobody to connect to any more.
  local function job(round, act)
    return function()
      local ok, conn = pcall(connection.open, g.address, coroutine.yield)
      if not ok then
        assert(conn:find("refused", 1, true) or conn:find("closed", 1, true), conn)
        return
      end
      local function send(client, request)
        local answer = client:over(conn, request)
        round.acknowledged = round.acknowledged + (answer and 1 or 0)
        return answer
      end
      repeat until not act(round, send)
      conn:close()
    end
  end

  -- Lets them all act until the gateway is gone, or has been killed after so many seconds; gives its exit code.
  local function run(round, seconds)
    local jobs = {}
    for name, count in pairs { drafter = 3, executor = 6, reviewer = 3, reader = 2, administrator = 1 } do
      for _ = 1, count do
        jobs[#jobs + 1] = job(round, actors[name])
      end
    end
    g:kill_after(seconds)
    http.run(jobs)
    return g:await_end()
  end

  local function rows(sql, params)
    return db.rows(g.data .. "/gateway.db", ("ATTACH '%s/ledger.db' AS l;"):format(g.data) .. sql, params)
  end

  -- How many transactions there are of each title.
  local function effects()
    local counts = {}
    for _, row in ipairs(rows "SELECT title, count(*) AS n FROM l.transactions GROUP BY title") do
      counts[row.title] = row.n
    end
    return counts
  end

  -- What must hold of all rounds together, whatever was answered.
  local function whole()
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    for _, name in ipairs { "gateway.db", "ledger.db" } do
      assert.same({ { integrity_check = "ok" } }, db.rows(g.data .. "/" .. name, "PRAGMA integrity_check"))
    end
    for what, sql in pairs {
      ["no execution is pending or unknown"] = "SELECT id FROM executions WHERE status IN ('pending', 'unknown')",
      ["a success has a receipt, and nothing else has"] = "SELECT e.id FROM executions e LEFT JOIN l.opp_receipts r"
        .. " USING (effect_id) WHERE (e.status = 'success') <> (r.effect_id IS NOT NULL)",
      ["a receipt belongs to an execution"] = "SELECT effect_id FROM l.opp_receipts WHERE effect_id NOT IN"
        .. " (SELECT effect_id FROM executions)",
      ["an execution has one row of the trail"] = "SELECT e.id FROM executions e WHERE 1 <> (SELECT count(*) FROM audit"
        .. " a WHERE a.draft_id = e.draft_id AND a.action = 'agent.action.execute')",
      ["a confirmed draft has a success"] = "SELECT d.id FROM drafts d LEFT JOIN executions e ON e.draft_id = d.id"
        .. " WHERE d.status = 'confirmed' AND e.status IS NOT 'success'",
      ["a key has one draft that did not fail"] = "SELECT idempotency_key FROM drafts WHERE idempotency_key IS NOT NULL"
        .. " AND status <> 'failed' GROUP BY app_id, idempotency_key HAVING count(*) > 1",
      ["an app's pending drafts are counted"] = "SELECT p.app_id FROM pending p WHERE p.drafts <>"
        .. " (SELECT count(*) FROM drafts d WHERE d.app_id = p.app_id AND d.status = 'draft')",
    } do
      assert.same({}, rows(sql), what)
    end
  end

  local function statuses(round)
    local found, cursor = {}, nil
    repeat
      local page = check.ok(round.app.client:get("/drafts", { limit = 500, cursor = cursor }))
      for _, draft in ipairs(page.items) do
        found[draft.id] = draft.status
      end
      cursor = page.nextCursor
    until cursor == json.null
    return found
  end

  -- What a draft may be, by what was asked and what was answered.
  local allowed = {
    none = { draft = 0 },
    approve = { draft = 0, confirmed = 1, failed = 0 },
    reject = { draft = 0, canceled = 0 },
    approved = { confirmed = 1 },
    rejected = { canceled = 0 },
  }

  local function check_drafts(round, counts)
    local found = statuses(round)
    for _, draft in ipairs(round.drafts) do
      local asked = draft.done == "approve" and "approved" or draft.done == "reject" and "rejected" or draft.asked
      local expected = allowed[asked or "none"][found[draft.id]]
      assert(expected, ("%s is %s, asked: %s"):format(draft.id, found[draft.id], asked))
      assert.equal(expected, counts[draft.title] or 0, draft.id)
    end
  end

  -- Repeats every key: what was acknowledged is replayed, what was not is done now at the latest.
  local function check_keys(round, counts)
    local requests = {}
    for i, entry in ipairs(round.keys) do
      local count = counts[entry.action.payload.title] or 0
      assert(count == 1 or count == 0 and not entry.execution, entry.action.payload.title)
      requests[i] = ledger.request(entry.action)
    end
    for i, answer in ipairs(http.parallel(round.app.client, requests, 8)) do
      local data, entry = check.ok(answer), round.keys[i]
      assert.equal("executed", data.status)
      assert.equal(entry.execution or data.execution.id, data.execution.id)
      assert.is_true(not entry.execution or data.replayed)
    end
    counts = effects()
    for _, entry in ipairs(round.keys) do
      assert.equal(1, counts[entry.action.payload.title])
    end
  end

  local function check_apps(round)
    for _, app in ipairs(round.apps) do
      local policy = json.decode(rows("SELECT policy FROM apps WHERE id = :id", { id = app.id })[1].policy)
      local days = policy.data and policy.data.max_days
      assert(app.days == nil or days == app.days or days == app.asked, app.id)
      local status = g:agent_client(app.token):get("/manifest").status
      assert(status == (app.revoked and 401 or 200) or app.revoking and not app.revoked, app.id)
    end
  end

  local function verify(round)
    local counts = effects()
    check_drafts(round, counts)
    check_keys(round, counts)
    check_apps(round)
    whole()
  end

  -- How many executions of a round were not answered.
  local function unanswered(round)
    local count = 0
    for _, entry in ipairs(round.keys) do
      count = count + (entry.execution and 0 or 1)
    end
    return count
  end

  return { round = new_round, run = run, verify = verify, unanswered = unanswered }
end

return mixed
