-- SPDX-License-Identifier: MIT
-- All that a gateway does at once, for long: agents at full load, people, reloads, revocations, rotated keys, freezes,
-- connections that come and go, and strangers. No answer is an error that nobody decided, and memory does not grow.
-- OPP_SOAK_SECONDS: for how long; OPP_SOAK_RATE: at most so many requests a second, otherwise as many as it can.
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local hostile = require "spec.support.hostile"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"
local lfs = require "lfs"
local policies = require "spec.support.policies"
local socket = require "socket"

local long <const> = os.getenv "OPP_LONG"
local seconds <const> = tonumber(os.getenv "OPP_SOAK_SECONDS" or long and 3600 or 4)
local rate <const> = tonumber(os.getenv "OPP_SOAK_RATE" or long and 500) or math.huge
local slice_s <const> = 2             -- all agents leave and come again after so long
local memory_from_s <const> = 90      -- in less, memory is still on its way to where it stays
local growth_most <const> = 1.05
local slope_from_s <const> = 3600     -- in less, a slope an hour says nothing
local slope_most <const> = 1          -- MiB an hour, in the second half
local drafts_most <const> = 20

describe("a gateway under full load", function()
  local g, app, reader, former

  setup(function()
    g = policies.start { config = "limits: { auth_failures_per_minute: 10000000 }\n" }
    app, reader = g:open_app { name = "Writer" }, g:app { name = "Reader" }
    -- Holding each answer against the OpenAPI document takes longer than the answer.
    former = http.observe { answer = function() end, event = function() end }
  end)
  teardown(function()
    http.observe(former)
    policies.stop(g)
  end)

  local counts, drafts, samples = {}, {}, {}

  local function count(what)
    counts[what] = (counts[what] or 0) + 1
  end

  local function post(path, body) return { method = "POST", path = path, json = body } end
  local function get(path) return { method = "GET", path = path } end

  local due = 0

  -- Waits until the next request may be sent: all connections wait for the same one.
  local function pace()
    local now = socket.gettime()
    due = math.max(due, now - 0.1) + 1 / rate
    if due > now then socket.sleep(due - now) end
  end

  -- Sends one request over a connection; the answer must be there, and a success.
  local function ask(conn, client, request)
    pace()
    local response = assert(client:over(conn, request))
    count(request.path:match("^/%w+") .. " " .. response.status)
    return check.ok(response)
  end

  local actors = {}

  function actors.read(conn, n)
    local paths = { "/manifest", "/transactions?pageSize=10", "/ledgers", "/drafts?limit=10" }
    ask(conn, reader.client, get(paths[n % #paths + 1]))
  end

  function actors.preflight(conn)
    ask(conn, reader.client, post("/preflight", ledger.create()))
  end

  -- Waits for the reviewers where an app would have too many pending drafts.
  function actors.draft(conn, n)
    if #drafts >= drafts_most then
      return actors.read(conn, n)
    end
    local made = ask(conn, reader.client, post("/actions", ledger.create())) -- others come first while it waits
    drafts[#drafts + 1] = made.draft.id
  end

  function actors.execute(conn)
    local action = ledger.keyed { execute = true }
    local first = ask(conn, app.client, post("/actions", action))
    assert(first.status == "executed", first.autoExecuteDeniedCode)
    assert(ask(conn, app.client, post("/actions", action)).replayed)
  end

  function actors.review(conn, n)
    local id = table.remove(drafts, 1)
    if not id then
      return ask(conn, g.admin, get("/whoami"))
    end
    ask(conn, g.admin, post(("/drafts/%s/%s"):format(id, n % 3 == 0 and "reject" or "approve")))
  end

  local conditions = {}

  -- A rule is changed, which makes a new generation.
  function conditions.reload(conn, n)
    g:profile("mine", ([[return { { name = "round", tools = { "transaction.delete" }, decide = function()
      return deny("Round %d.") end } }]]):format(n))
    ask(conn, g.admin, post("/policies/reload"))
  end

  -- A key counts for nothing as soon as its revocation was answered.
  function conditions.revoke(conn)
    local made = ask(conn, g.admin, post("/apps/" .. reader.app.id .. "/keys", { name = "Soak" }))
    local client = g:agent_client(made.token)
    ask(conn, client, get("/manifest"))
    ask(conn, g.admin, post("/keys/" .. made.key.id .. "/revoke"))
    check.refused(assert(client:over(conn, get("/manifest"))), 401)
    count "revoked"
  end

  -- The old key counts for as long as it was said, the new one at once.
  function conditions.rotate(conn, n)
    local made = ask(conn, g.admin, post("/apps/" .. reader.app.id .. "/keys", { name = "Soak" }))
    local overlaps = n % 4 == 1
    local new = ask(conn, g.admin,
      post("/keys/" .. made.key.id .. "/rotate", { overlapSeconds = overlaps and 60 or 0 }))
    ask(conn, g:agent_client(new.token), get("/manifest"))
    local old = assert(g:agent_client(made.token):over(conn, get("/manifest")))
    if overlaps then check.ok(old) else check.refused(old, 401) end
    ask(conn, g.admin, post("/keys/" .. new.key.id .. "/revoke"))
    count "rotated"
  end

  -- Nobody is at work with this tool.
  function conditions.freeze(conn)
    local made = ask(conn, g.admin, post("/freeze",
      { scope = "tool", id = "transaction.delete", mode = "off", reason = "A spec asks for it." }))
    ask(conn, g.admin, { method = "DELETE", path = "/freeze/" .. made.freeze.id })
  end

  function conditions.hup()
    os.execute(("kill -HUP %d"):format(g.pid))
    count "hup"
  end

  local function descriptors()
    local found = 0
    for _ in lfs.dir(("/proc/%d/fd"):format(g.pid)) do found = found + 1 end
    return found
  end

  local function sample()
    local status = gateway.read_file(("/proc/%d/status"):format(g.pid))
    samples[#samples + 1] = tonumber(status:match("VmRSS:%s*(%d+)"))
  end

  local names, turn, next_at = { "reload", "revoke", "freeze", "rotate", "hup", "rotate" }, 0, 0

  -- Once a second something changes; otherwise it looks at the trail.
  function actors.operate(conn)
    if socket.gettime() < next_at then
      return ask(conn, g.admin, get("/audit?limit=5"))
    end
    next_at = socket.gettime() + 1
    turn = turn + 1
    sample()
    conditions[names[turn % #names + 1]](conn, turn)
  end

  local function over_one_connection(act, ends)
    return function()
      local conn, n = connection.open(g.address, coroutine.yield), 0
      while socket.gettime() < ends do
        n = n + 1
        act(conn, n)
      end
      conn:close()
    end
  end

  -- A new connection for each request; some leave without their answer.
  local function reconnect(ends)
    return function()
      while socket.gettime() < ends do
        local conn = connection.open(g.address, coroutine.yield)
        actors.read(conn, 1)
        if math.random(2) == 1 then
          conn:send("GET /api/agent/v1/transactions HTTP/1.1\r\nHost: x\r\n"
            .. "Authorization: Bearer " .. app.token .. "\r\n\r\n")
        end
        conn:close()
      end
    end
  end

  local strangers = 0

  local function attack(ends)
    return function()
      while socket.gettime() < ends do
        strangers = strangers + 1
        count("stranger " .. (hostile.connect(g.address, strangers) or "left"))
      end
    end
  end

  local function run_slice(ends)
    local jobs = { reconnect(ends), reconnect(ends), attack(ends), attack(ends) }
    for name, number in pairs { read = 4, preflight = 1, draft = 2, execute = 6, review = 3, operate = 1 } do
      for _ = 1, number do
        jobs[#jobs + 1] = over_one_connection(actors[name], ends)
      end
    end
    http.run(jobs)
  end

  local function mean(from, to)
    local sum = 0
    for i = from, to do
      sum = sum + samples[i]
    end
    return sum / (to - from + 1)
  end

  local function report()
    local told = {}
    for what, number in pairs(counts) do told[#told + 1] = ("%s: %d"):format(what, number) end
    table.sort(told)
    print(table.concat(told, "\n"))
    print("resident KiB, each second: " .. table.concat(samples, " "))
  end

  -- In MiB an hour, by least squares.
  local function slope(from, to)
    local middle, level, above, below = (from + to) / 2, mean(from, to), 0, 0
    for i = from, to do
      above = above + (i - middle) * (samples[i] - level)
      below = below + (i - middle) ^ 2
    end
    return above / below * #samples / seconds * 3600 / 1024
  end

  local function sanitized()
    return gateway.read_file(("/proc/%d/maps"):format(g.pid)):find("lib[at]san") ~= nil
  end

  it("answers everything, refuses what it must, and does not grow", function()
    local ends, descriptors_before = socket.gettime() + seconds, descriptors()
    if os.getenv "OPP_SOAK_SECONDS" then finally(report) end
    while socket.gettime() < ends do
      run_slice(math.min(ends, socket.gettime() + slice_s))
    end
    assert.is_nil(g:log():match('[^\n]*"level":"error"[^\n]*'))
    assert.is_nil(g.admin:get("/metrics").text:match('code="common.internal_error"'))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    assert.same({}, db.rows(g.data .. "/ledger.db",
      "SELECT title FROM transactions WHERE title LIKE 'Spec-%' GROUP BY title HAVING count(*) > 1"))
    assert.same({}, db.rows(g.data .. "/gateway.db", "SELECT id FROM executions WHERE status <> 'success'"))
    gateway.eventually("its descriptors are closed again", function()
      return descriptors() <= descriptors_before + 8
    end)
    for _, what in ipairs { "revoked", "rotated", "hup", "stranger 401", "stranger left" } do
      assert.is_true(seconds < 20 or (counts[what] or 0) > 0, what)
    end
    if seconds < memory_from_s or sanitized() then return end
    local third = #samples // 3
    local middle, last = mean(third + 1, 2 * third), mean(2 * third + 1, #samples)
    assert(last <= middle * growth_most, ("%.0f KiB in the middle third, %.0f in the last"):format(middle, last))
    local grows = slope(#samples // 2, #samples)
    print(("resident memory grows by %.2f MiB an hour"):format(grows))
    assert(seconds < slope_from_s or grows <= slope_most)
  end)
end)
