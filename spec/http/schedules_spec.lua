-- SPDX-License-Identifier: MIT
-- Generated schedules: a draft is made, and the state that it is about changes before, between and beside the approvals
-- that it needs. It is executed on the state that it was made of, or not at all. OPP_SEED repeats a run's schedules;
-- OPP_LONG: ten times as many.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

local sanitized <const> = gateway.program():find "[at]san" ~= nil
local schedules_max <const> = os.getenv "OPP_LONG" and 10000 or sanitized and 200 or 1000
local seed <const> = tonumber(os.getenv "OPP_SEED") or 20261122
local batch <const>, lanes <const> = 50, 10

describe("a schedule of changes and approvals", function()
  local g, agent, rival, people, bystander, former

  setup(function()
    g = policies.start()
    g:in_force [[ {
      name = "two people", tools = { "*" },
      decide = function(request)
        if request.justification == "Two people." then return draft("Two people.", { approvals = 2 }) end
      end,
    } ]]
    rival = g:open_app { name = "Rival" }
    people = { g:person("user_first", { "reviewer" }), g:person("user_second", { "reviewer" }),
      g:person("user_third", { "reviewer" }) }
    bystander = ledger.make(rival.client).id
    -- Holding each answer against the OpenAPI document takes longer than the answer.
    former = http.observe { answer = function() end, event = function() end }
    math.randomseed(seed)
  end)
  teardown(function()
    http.observe(former)
    policies.stop(g)
  end)

  local function rows(sql, params) return db.rows(g.data .. "/ledger.db", sql, params) end

  local function write(statements)
    if #statements > 0 then
      db.change(g.data .. "/ledger.db", table.concat(statements, ";"))
    end
  end

  -- What an agent may ask about a schedule's own transaction and ledger.
  local asked = {
    update = function(s) return ledger.update(s.id, { title = s.title }) end,
    delete = function(s) return ledger.delete(s.id) end,
    hard_delete = function(s)
      return { action = "transaction.hard_delete", payload = { transactionId = s.id } }
    end,
    move = function(s) return ledger.update(s.id, { ledgerId = "ledger_ops", title = s.title }) end,
    create = function(s) return ledger.create(nil, { ledgerId = s.ledger, title = s.title }) end,
  }

  local function by_rival(body)
    body.execute, body.justification = true, "It was first."
    return ledger.request(body, rival.client)
  end

  -- What happens to the state: requests of another app's, one after the other, or statements of another program's.
  local changes = {
    nothing = function() return {} end,
    title = function(s) return { by_rival(ledger.update(s.id, { title = "rival" })) } end,
    back = function(s)
      return { by_rival(ledger.update(s.id, { title = "away" })), by_rival(ledger.update(s.id, { title = s.was })) }
    end,
    deletion = function(s) return { by_rival(ledger.delete(s.id)) } end,
    removal = function(s) return { by_rival(asked.hard_delete(s)) } end,
    elsewhere = function() return { by_rival(ledger.update(bystander, { title = ledger.unique "Other" })) } end,
    program = function(s)
      return { sql = ("UPDATE transactions SET amount_home = amount_home + 1, updated_at = '2026-11-22T00:00:00.%03dZ'"
        .. " WHERE id = '%s'"):format(math.random(0, 999), s.id) }
    end,
    tenant = function(s)
      return { sql = ("UPDATE transactions SET org_id = 'org_other' WHERE id = '%s';"
        .. "UPDATE ledgers SET org_id = 'org_other' WHERE id = '%s'"):format(s.id, s.ledger) }
    end,
  }

  local tools <const> = { "update", "update", "delete", "hard_delete", "move", "create" }
  local before <const> = { "nothing", "nothing", "nothing", "nothing", "title", "back", "deletion", "removal",
    "elsewhere", "program", "tenant" }
  local beside <const> = { "nothing", "nothing", "nothing", "title", "title", "deletion", "removal", "elsewhere" }

  local function pick(list) return list[math.random(#list)] end

  local function generate(number)
    local people_needed = math.random(2)
    return { number = number, tool = pick(tools), people = people_needed, first = pick(before),
      between = people_needed == 2 and pick(before) or "nothing", beside = pick(beside),
      rivals = math.random(4) == 1, title = ledger.unique "Asked", was = ledger.unique "Was",
      ledger = "ledger_s" .. number }
  end

  local function told(s)
    return ("OPP_SEED=%d, schedule %d: %s by %d, %s first, %s between, %s beside%s"):format(seed, s.number, s.tool,
      s.people, s.first, s.between, s.beside, s.rivals and ", two at once" or "")
  end

  local newest -- rows of before this batch

  local function each(list, make)
    local requests = {}
    for i, s in ipairs(list) do requests[i] = make(s) end
    return http.parallel(agent.client, requests, lanes)
  end

  -- Each has a ledger with a transaction of its own, and a draft about them.
  local function prepare(list)
    local statements = {}
    newest = rows("SELECT (SELECT max(rowid) FROM transactions) AS t, (SELECT max(rowid) FROM ledgers) AS l")[1]
    for i, s in ipairs(list) do
      statements[i] = ("INSERT INTO ledgers (id, name, currency_home, tz, org_id) VALUES ('%s', 'Own', 'USD', 'UTC',"
        .. " 'org_demo')"):format(s.ledger)
    end
    write(statements)
    local made = each(list, function(s) return by_rival(ledger.create(nil, { ledgerId = s.ledger, title = s.was })) end)
    for i, answer in ipairs(made) do
      list[i].id = check.ok(answer).execution.result.transaction.id
    end
    local drafted = each(list, function(s)
      local body = asked[s.tool](s)
      body.justification = s.people == 2 and "Two people." or "One will do."
      return ledger.request(body)
    end)
    for i, answer in ipairs(drafted) do
      list[i].draft = check.ok(answer).draft.id
    end
  end

  -- The state that each depends on, as text.
  local function look(list)
    local found, ledgers = {}, {}
    for _, row in ipairs(rows("SELECT * FROM transactions WHERE rowid > :t", newest)) do found[row.id] = row end
    for _, row in ipairs(rows("SELECT * FROM ledgers WHERE rowid > :l", newest)) do ledgers[row.id] = row end
    local states = {}
    for i, s in ipairs(list) do
      states[i] = json.encode { ledgers[s.ledger], s.tool ~= "create" and found[s.id] or nil }
    end
    return states, found
  end

  -- A rival's windows are open: it executes, or is refused because what it wants to change is gone.
  local function succeeded(answer)
    assert(answer.status < 500 and (answer.status ~= 200 or answer.body.data.status == "executed"), answer.text)
    return answer.status == 200
  end

  local function happen(list, when)
    local statements, steps = {}, { {}, {} }
    for _, s in ipairs(list) do
      local change = changes[s[when]](s)
      statements[#statements + 1] = change.sql
      for i, request in ipairs(change) do table.insert(steps[i], request) end
    end
    write(statements)
    for _, requests in ipairs(steps) do
      for _, answer in ipairs(http.parallel(rival.client, requests, lanes)) do
        succeeded(answer)
      end
    end
  end

  local function approval(s, person)
    return { client = person.client, method = "POST", path = ("/drafts/%s/approve"):format(s.draft) }
  end

  local function approve_first(list)
    local two = {}
    for _, s in ipairs(list) do
      if s.people == 2 then two[#two + 1] = s end
    end
    local answers = each(two, function(s) return approval(s, people[1]) end)
    for i, answer in ipairs(answers) do two[i].refused = answer.status ~= 200 end
  end

  -- The last approval, and what comes at the same time, in either order.
  local function approve_last(list)
    local requests, whose = {}, {}
    local function add(s, what, request)
      requests[#requests + 1] = request
      whose[#whose + 1] = { s, what }
    end
    for _, s in ipairs(list) do
      local rival_request = changes[s.beside](s)[1]
      local rival_first = math.random(2) == 1
      if rival_request and rival_first then add(s, "rival", rival_request) end
      add(s, "last", approval(s, people[2]))
      if s.rivals then add(s, "third", approval(s, people[3])) end
      if rival_request and not rival_first then add(s, "rival", rival_request) end
    end
    for i, answer in ipairs(http.parallel(agent.client, requests, lanes)) do
      assert(answer.status < 500, answer.text)
      whose[i][1][whose[i][2]] = answer
    end
  end

  local function executed(s)
    local count = 0
    for _, name in ipairs { "last", "third" } do
      local answer = s[name]
      count = count + (answer and answer.status == 200 and answer.body.data.draftStatus == "confirmed" and 1 or 0)
    end
    assert(count <= 1, "executed twice")
    return count == 1
  end

  -- What there is when both the draft and its rival succeeded: first the one, then the other.
  local function in_order(s, row)
    if s.beside == "elsewhere" or s.tool == "create" then return true end
    if s.beside == "title" then
      return row and row.title == "rival" and (s.tool == "update" or s.tool == "move")
    end
    if s.beside == "deletion" then
      return row and row.is_deleted == 1 and row.title == s.title
    end
    return not row and s.tool ~= "hard_delete"
  end

  local outcomes = {}

  local function judge_draft(s, moved, done)
    local rival_done = s.rival and succeeded(s.rival)
    outcomes[#outcomes + 1] = (moved and "moved" or "same") .. (done and " done" or " refused")
    assert(not (moved and done), "it was executed on another state")
    assert(moved or done or s.refused or rival_done, "it was not executed: " .. s.last.text)
    return rival_done
  end

  local function judge(s, states, row, created)
    local done = executed(s)
    local rival_done = judge_draft(s, states.made ~= states.approved, done)
    assert(not (done and rival_done) or in_order(s, row), "it was executed after its rival")
    assert(done or rival_done or states.now == states.approved, "it was refused, and something happened")
    assert(s.tool ~= "create" or created == (done and 1 or 0), ("it was created %d times"):format(created))
  end

  it("executes nothing on a state that is not the one it was made of", function()
    for first = 1, schedules_max, batch do
      local list = {}
      agent = g:app { name = "Agent" } -- what is refused may stay pending, and an app has only so many of these
      for number = first, math.min(first + batch - 1, schedules_max) do list[#list + 1] = generate(number) end
      prepare(list)
      local made = look(list)
      happen(list, "first")
      approve_first(list)
      happen(list, "between")
      local approved = look(list)
      approve_last(list)
      local now, found = look(list)
      local created = {}
      for _, row in pairs(found) do created[row.title] = (created[row.title] or 0) + 1 end
      for i, s in ipairs(list) do
        local ok, problem = pcall(judge, s, { made = made[i], approved = approved[i], now = now[i] }, found[s.id],
          created[s.title] or 0)
        assert(ok, ("%s: %s"):format(told(s), tostring(problem)))
      end
    end
    local counts = {}
    for _, outcome in ipairs(outcomes) do counts[outcome] = (counts[outcome] or 0) + 1 end
    assert(counts["moved refused"] > schedules_max / 5 and counts["same done"] > schedules_max / 5)
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)
end)
