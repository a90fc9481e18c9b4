-- SPDX-License-Identifier: MIT
-- A call of the system fails, wherever it is, also in a library: an allocation, open, write, fsync, accept or connect.
-- What is answered with success is on disk, what is not has no effect or an outcome that a restart finds, nothing ends
-- unnamed, the next request is answered, and under AddressSanitizer not a byte is lost.
local certificate = require "spec.support.certificate"
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local torture = require "spec.support.torture"

-- How many calls of a scenario fail, one after the other, and of one that takes a process. Most of what fails a write
-- or a sync takes a start, which is slow where it is sanitized.
local long <const>, sanitized <const> = os.getenv "OPP_LONG", gateway.program():find "asan" ~= nil
local points <const> = long and 1000 or sanitized and 10 or 40
local process_points <const> = long and 400 or sanitized and 4 or 12

describe("a process one of whose calls fails", function()
  local g, app, person, plan

  setup(function()
    plan = torture.plan()
    g = plan:start { config = "limits: { pending_drafts_max: 100000 }\n" }
    app = g:open_app()
    person = g:person("user_torture", { "reviewer", "operator", "owner" }, { "org_demo" })
  end)
  teardown(function()
    gateway.stop(g)
    plan:remove()
  end)

  -- What must be so: conditions in SQL on the gateway's database or the ledger, with the values that they name.
  local function stored(table_name, id)
    return { database = "gateway", sql = ("EXISTS (SELECT 1 FROM %s WHERE id = :id)"):format(table_name), id = id }
  end

  local function titled(title, compare)
    return { database = "ledger", title = title,
      sql = "(SELECT count(*) FROM transactions WHERE title = :title) " .. compare }
  end

  local function draft_is(id, status)
    return { database = "gateway", id = id, status = status,
      sql = "(SELECT status FROM drafts WHERE id = :id) = :status" }
  end

  local function executed(data, action)
    return { stored("executions", data.execution.id), titled(action.payload.title, "= 1") }
  end

  local function post(client, path, body) return client, { method = "POST", path = path, json = body } end
  local function get(client, path, query) return client, { method = "GET", path = path, query = query } end

  local function make_draft() return ledger.draft(app.client, ledger.create()).id end

  local function act(fields)
    local action = ledger.create(fields)
    local client, request = post(app.client, "/actions", action)
    return client, request, action
  end

  -- make gives the client, the request and what it is about, and is not tortured itself; claims gives what must be
  -- so when it was answered with success.
  local scenarios = {
    { name = "the manifest", make = function() return get(app.client, "/manifest") end },
    { name = "a list", make = function() return get(app.client, "/transactions") end },
    { name = "a short list", make = function() return get(app.client, "/ledgers") end },
    { name = "a preflight",
      make = function()
        local action = ledger.create()
        return post(app.client, "/preflight", { action = action.action, payload = action.payload })
      end,
      claims = function(data) return { stored("preflights", data.preflightId) } end },
    { name = "a draft", make = act, claims = function(data) return { stored("drafts", data.draft.id) } end },
    { name = "a draft with a key",
      make = function() return act { idempotencyKey = ledger.unique "key" } end,
      claims = function(data) return { stored("drafts", data.draft.id) } end },
    { name = "an execution at once",
      make = function() return act { execute = true, idempotencyKey = ledger.unique "key" } end,
      claims = executed },
    { name = "a repeat",
      make = function()
        local client, request, action = act { execute = true, idempotencyKey = ledger.unique "key" }
        check.ok(client:request(request))
        return client, request, action
      end,
      claims = executed },
    { name = "a look at a draft", make = function() return get(app.client, "/drafts/" .. make_draft()) end },
    { name = "a list of drafts", make = function() return get(app.client, "/drafts", { limit = 5 }) end },
    { name = "a cancelation",
      make = function()
        local id = make_draft()
        return app.client, { method = "POST", path = "/drafts/" .. id .. "/cancel" }, id
      end,
      claims = function(_, id) return { draft_is(id, "canceled") } end },
    { name = "an approval",
      make = function()
        local action = ledger.create()
        local id = ledger.draft(app.client, action).id
        return person.client, { method = "POST", path = "/drafts/" .. id .. "/approve" }, action
      end,
      claims = executed },
    { name = "a rejection",
      make = function()
        local id = make_draft()
        return person.client, { method = "POST", path = "/drafts/" .. id .. "/reject" }, id
      end,
      claims = function(data, id) return { draft_is(id, data.draft.status) } end },
    { name = "a person's list of drafts", make = function() return get(person.client, "/drafts", { limit = 5 }) end },
    { name = "a new app",
      make = function()
        return post(person.client, "/apps",
          { scope = "workspace", name = "Torture", org_id = "org_demo", scopes = { "ledger.read" } })
      end,
      claims = function(data) return { stored("apps", data.app.id) } end },
    { name = "the apps", make = function() return get(person.client, "/apps") end },
    { name = "a changed policy",
      make = function()
        local id, days = app.app.id, math.random(3000)
        return person.client, { method = "PATCH", path = "/apps/" .. id .. "/policy",
          json = { data = { max_days = days } } }
      end },
    { name = "a changed window",
      make = function()
        return person.client, { method = "PATCH", path = "/apps/" .. app.app.id .. "/auto-execute",
          json = gateway.open_windows }
      end },
    { name = "a new key",
      make = function() return post(person.client, "/apps/" .. app.app.id .. "/keys", { name = "k" }) end,
      claims = function(data) return { stored("keys", data.key.id) } end },
    { name = "a revoked key",
      make = function()
        local made = check.ok(person.client:post("/apps/" .. app.app.id .. "/keys", { name = "k" }))
        return post(person.client, "/keys/" .. made.key.id .. "/revoke")
      end,
      claims = function(data)
        return { { database = "gateway", id = data.key.id,
          sql = "(SELECT revoked_at FROM keys WHERE id = :id) IS NOT NULL" } }
      end },
    { name = "a freeze",
      make = function()
        return post(g.admin, "/freeze",
          { scope = "tool", id = "transaction.delete", mode = "drafts_only", reason = "A spec asks for it." })
      end,
      claims = function(data) return { stored("freezes", data.freeze.id) } end },
    { name = "a browser's session", make = function() return post(person.client, "/session") end },
    { name = "a reload", may_refuse = 400, -- a file that cannot be read is an issue like any other
      make = function() return post(g.admin, "/policies/reload") end },
    { name = "the policies", make = function() return get(g.admin, "/policies") end },
    { name = "the audit trail", make = function() return get(person.client, "/audit", { limit = 5 }) end },
    { name = "the check of the trail", make = function() return get(g.admin, "/audit/verify") end },
    { name = "the metrics", make = function() return get(g:client("", g.admin.token), "/metrics") end },
  }

  -- On a connection of its own, so that nothing is sent twice; nil when it broke.
  local function send(client, request)
    client:close()
    local fine, response = pcall(client.request, client, request)
    client:close()
    return fine and response or nil
  end

  -- Those of the claims that do not hold.
  local function broken(claims)
    local wrong = {}
    for _, database in ipairs { "gateway", "ledger" } do
      local conditions = {}
      for _, claim in ipairs(claims) do
        if claim.database == database then
          conditions[#conditions + 1] = ("(%s, %s)"):format(db.bind(":label", claim), db.bind(claim.sql, claim))
        end
      end
      local rows = #conditions > 0 and db.rows(("%s/%s.db"):format(g.data, database),
        ("WITH claims(label, fine) AS (VALUES %s) SELECT label FROM claims WHERE fine IS NOT 1")
          :format(table.concat(conditions, ","))) or {}
      for _, row in ipairs(rows) do wrong[#wrong + 1] = row.label end
    end
    return wrong
  end

  local function whole()
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    gateway.eventually("every outcome is recorded", function()
      return #db.rows(g.data .. "/gateway.db", "SELECT id FROM executions WHERE status = 'pending'") == 0
    end)
  end

  -- The process has left: a commit that may have happened (70), or no memory for a library (87). It is started again,
  -- and must be whole.
  local function bury(label)
    local code = g:await_end()
    assert(code == 70 or code == 87, ("%s: it left with %d:\n%s"):format(label, code, g:log():sub(-3000)))
    g:restart()
    whole()
  end

  local function has_left()
    return gateway.read_file(g.exit_file) ~= nil
  end

  -- What must be so after this answer; the row of the trail may come a little later where nothing was changed.
  local function claims_of(scenario, response, subject)
    local claims = {}
    if type(subject) == "table" then
      claims[1] = titled(subject.payload.title, "<= 1")
    end
    if response and response.status < 400 and scenario.claims then
      table.move(scenario.claims(check.ok(response), subject), 1, 9, #claims + 1, claims)
      claims[#claims + 1] = { database = "gateway", id = response.headers["x-request-id"],
        sql = "EXISTS (SELECT 1 FROM audit WHERE row LIKE '%' || :id || '%')" }
    end
    return claims
  end

  local function is_refusal(scenario, response)
    return response.status >= 500 or response.status == scenario.may_refuse
  end

  -- The process answers, and soon: who was accepted late, or met a pause, is answered all the same.
  local function recover(label)
    gateway.eventually(label .. ": an honest request is answered", function()
      local response = send(app.client, { method = "GET", path = "/ledgers" })
      return response and response.status == 200 or has_left()
    end)
    if has_left() then
      bury(label)
    end
  end

  -- Gives what must be so after it.
  local function try(scenario, trial)
    local label = ("%s, %s %d (%d)"):format(scenario.name, trial.kind, trial.at, trial.burst)
    local client, request, subject = scenario.make()
    client:close()
    plan:arm(trial)
    local response = send(client, request)
    plan:disarm()
    recover(label)
    assert(not response or response.status < 400 or is_refusal(scenario, response),
      label .. ": " .. tostring(response and response.text))
    local claims = claims_of(scenario, response, subject)
    for _, claim in ipairs(claims) do claim.label = label end
    return claims
  end

  local function calls_of(scenario)
    local client, request = scenario.make()
    client:close()
    return plan:calls_of(function()
      local response = assert(send(client, request))
      assert(response.status == 200, response.text)
    end)
  end

  -- The least of some times: what else the process does meanwhile is none of the scenario's.
  local function least_calls_of(scenario)
    local least = calls_of(scenario)
    for _ = 1, 3 do
      for kind, made in pairs(calls_of(scenario)) do least[kind] = math.min(least[kind], made) end
    end
    return least
  end

  -- Gives what must be so after all the trials of a scenario.
  local function try_all(scenario)
    local trials, failed, claims = torture.trials(least_calls_of(scenario), points), plan:hits(), {}
    for _, trial in ipairs(trials) do
      table.move(try(scenario, trial), 1, 9, #claims + 1, claims)
    end
    assert(plan:hits() - failed > #trials / 2, "hardly a call failed")
    return claims
  end

  for _, scenario in ipairs(scenarios) do
    it("is whole after " .. scenario.name, function()
      if not g.pid then g:restart() end
      local claims = try_all(scenario)
      whole()
      gateway.eventually("rows of the trail are written", function() return #broken(claims) == 0 end)
    end)
  end

  -- Starts the gateway again, now and then on no data, while calls fail: it gets ready, or ends and says why.
  local function try_starts(name, prepare)
    g:terminate()
    prepare()
    local made = plan:calls_of(function() g:restart() end)
    for _, trial in ipairs(torture.trials(made, process_points)) do
      g:terminate()
      prepare()
      plan:arm(trial)
      local started, code = g:restart_if_it_can()
      plan:disarm()
      local label = ("%s, %s %d (%d)"):format(name, trial.kind, trial.at, trial.burst)
      -- A file of settings that cannot be read is a mistake in them, and so is a certificate or a key: OpenSSL does
      -- not always say that memory was out.
      local said = g:log():sub(-400)
      local settings = code == 2 and (said:find("cannot open .*oppd%.yaml") or said:find("that can be used", 1, true)
        or said:find("in PEM", 1, true))
      assert(started or code == 1 or code == 70 or code == 87 or settings,
        ("%s: %s\n%s"):format(label, code, g:log():sub(-3000)))
      if not started then g:restart() end
      assert.equal(200, g:client(""):get("/readyz").status)
    end
  end

  it("is whole after a start", function()
    try_starts("a start", function() end)
    whole()
  end)

  it("is whole after a backup, which can be restored if it was said to be made", function()
    local file, copy = g:file "backup.tar", g:file "copy"
    local function backup()
      os.remove(file)
      return select(2, gateway.run(("backup %s --data %s"):format(file, g.data), plan:environment(), torture.program()))
    end
    local made = plan:calls_of(function() assert.equal(0, backup()) end)
    for _, trial in ipairs(torture.trials(made, process_points)) do
      plan:arm(trial)
      local code = backup()
      plan:disarm()
      recover(("a backup, %s %d (%d)"):format(trial.kind, trial.at, trial.burst))
      assert(code <= 1, code)
      if code == 0 then
        assert.equal(0, select(2, gateway.run(("restore %s --data %s"):format(file, copy))))
        os.execute("rm -rf " .. copy)
      end
    end
  end)

  describe("and that is new, or speaks TLS,", function()
    local certificates

    setup(function()
      certificates = gateway.make_dir()
      local file, key = certificate.make(certificates, "torture")
      gateway.stop(g)
      g = plan:start { flags = { "--tls-certificate", file, "--tls-key", key } }
    end)
    teardown(function() os.execute("rm -rf '" .. certificates .. "'") end)

    -- LuaSec can wait for ever for a handshake that was broken off.
    local function is_healthy()
      local pipe = assert(io.popen(("curl -sk --max-time 5 %s/healthz"):format(g.base_url)))
      local answer = pipe:read("a")
      pipe:close()
      return answer:find('"ok":true', 1, true) ~= nil
    end

    it("is whole after a handshake", function()
      local made = plan:calls_of(function() assert.is_true(is_healthy()) end)
      for _, trial in ipairs(torture.trials(made, points)) do
        local label = ("a handshake, %s %d (%d)"):format(trial.kind, trial.at, trial.burst)
        plan:arm(trial)
        is_healthy()
        plan:disarm()
        gateway.eventually(label, function() return has_left() or is_healthy() end)
        if has_left() then bury(label) end
      end
    end)

    it("is whole after a first start", function()
      try_starts("a first start", function() os.execute("rm -rf '" .. g.data .. "'") end)
    end)
  end)
end)
