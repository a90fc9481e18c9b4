-- SPDX-License-Identifier: MIT
-- What is stored of a draft is changed, one field at a time, after a person has approved it: it is never executed.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local long <const> = os.getenv "OPP_LONG"
local sanitized <const> = gateway.program():find "[at]san" ~= nil
local changes_max <const> = long and 10000 or sanitized and 200 or 1000
local shown_max <const> = long and changes_max or 200 -- so many are looked at as well
local batch <const>, lanes <const> = 100, 8

describe("a draft that is changed after a person has approved it", function()
  local g, app, open, first, second

  setup(function()
    local policies = gateway.make_dir()
    assert(os.execute(("cp -r policies/default '%s'"):format(policies)))
    gateway.write_file(policies .. "/default/20-two-people.lua", [[
return { {
  name = "two people", tools = { "*" },
  decide = function(request)
    if request.justification ~= "A spec asks for it." then return end
    return draft("Two people.", { approvals = 2 })
  end,
  tests = { { given = { tool = { kind = "action" }, justification = "A spec asks for it." },
    expect = { "draft", approvals = 2 } } },
} }]])
    g = gateway.start { policies = policies }
    app, open = g:app(), g:open_app()
    first, second = g:person("user_first", { "reviewer" }), g:person("user_second", { "reviewer" })
    math.randomseed(tonumber(os.getenv "OPP_SEED") or 20261122)
  end)
  teardown(function()
    local policies = g and g.options.policies
    gateway.stop(g)
    os.execute(("rm -rf '%s'"):format(policies))
  end)

  local function set(column, value) return { sql = ("%s = %s"):format(column, value), what = column } end

  local function text(value) return "'" .. value .. "'" end

  -- Another digit in the place of one of a hash.
  local function flipped(column)
    local at = math.random(64)
    return set(column, ("substr(%s, 1, %d) || CASE substr(%s, %d, 1) WHEN '0' THEN '1' ELSE '0' END"
      .. " || substr(%s, %d)"):format(column, at - 1, column, at, column, at + 1))
  end

  local function payload(path, value)
    return set("payload", ("json_set(payload, '$.%s', %s)"):format(path, value))
  end

  -- One field of a draft, as somebody who can write the database would change it.
  local changed = {
    function() return payload("title", text(ledger.unique "Other")) end,
    function() return payload("amount_home", ("%.2f"):format(100 * math.random())) end,
    function() return payload("kind", text "income") end,
    function() return payload("note", text(ledger.unique "Note")) end,
    function() return set("payload", "json_remove(payload, '$.title')") end,
    function() return set("action", text(({ "transaction.delete", "transactions.export_csv" })[math.random(2)])) end,
    function() return flipped "witness_hash" end,
    function() return set("witness_hash", "NULL") end,
    function() return set("witness", "NULL") end,
    function() return set("witness", "json_set(coalesce(witness, '{}'), '$.other', 1)") end,
    function() return set("impact", ("json_set(impact, '$.summary', %s)"):format(text(ledger.unique "Harmless"))) end,
    function() return set("impact", "json_remove(impact, '$.summary')") end,
    function() return set("impact", "NULL") end,
    function() return set("effect", "replace(effect, 'transactions', 'transactionz')") end,
    function() return set("effect", "json_set(effect, '$.database', 'other.db')") end,
    function() return set("effect", "NULL") end,
    function() return set("resources", "json_array(json_object('id', 'txn_other', 'type', 'transaction'))") end,
    function() return set("policy", "json_set(policy, '$.profile', 'lenient')") end,
    function() return set("policy", "json_set(policy, '$.redact', json_array())") end,
    function() return set("preflight_id", text "pfl_other") end,
    function() return set("idempotency_key", text(ledger.unique "key")) end,
    function() return flipped "impact_hash" end,
    function() return flipped "effect_hash" end,
    function() return flipped "seal" end,
    function() return set("expires_at", ("expires_at + %d"):format(math.random(100000000))) end,
    function() return set("expires_at", ("expires_at - %d"):format(math.random(100000000))) end,
    function() return set("expires_at", "1") end,
    function() return set("justification", text(ledger.unique "Because")) end,
    function() return set("key_id", text(open.key.id)) end,
    function() return set("app_id", text(open.app.id)) end,
    function() return set("actor_user_id", text "user_else") end,
    function() return set("org_id", text "org_other") end,
  }

  local function state()
    return json.encode(db.rows(g.data .. "/ledger.db", "SELECT * FROM transactions ORDER BY id"))
  end

  local function each(owner, requests)
    return http.parallel(owner, requests, lanes)
  end

  local function approvals(drafts)
    local requests = {}
    for i, draft in ipairs(drafts) do
      requests[i] = { method = "POST", path = "/drafts/" .. draft.id .. "/approve" }
    end
    return requests
  end

  -- Drafts about what is there, and of what is new, each with one of the two approvals that it needs.
  local function make(count, transactions)
    local requests, drafts = {}, {}
    for i = 1, count do
      local action = i % 2 == 0 and ledger.create { justification = "A spec asks for it." }
        or ledger.update(transactions[i % #transactions + 1].id, { title = ledger.unique "Changed" },
          { justification = "A spec asks for it." })
      requests[i] = ledger.request(action)
    end
    for i, answer in ipairs(each(app.client, requests)) do
      drafts[i] = check.ok(answer).draft
    end
    for _, answer in ipairs(each(first.client, approvals(drafts))) do
      assert.equal("draft", check.ok(answer).draftStatus)
    end
    return drafts
  end

  local function change(drafts, choose)
    local statements, what = {}, {}
    for i, draft in ipairs(drafts) do
      local done = choose(i)
      what[i] = done.what .. ": " .. done.sql
      statements[i] = ("UPDATE drafts SET %s WHERE id = '%s'"):format(done.sql, draft.id)
    end
    db.change(g.data .. "/gateway.db", table.concat(statements, ";"))
    return what
  end

  -- Nobody who decides is shown what was changed as if it were what is to be approved.
  local function assert_broken(drafts, what)
    local requests, listed = {}, {}
    for i, draft in ipairs(drafts) do
      requests[i] = { method = "GET", path = "/drafts/" .. draft.id }
    end
    for i, answer in ipairs(each(second.client, requests)) do
      local shown = check.ok(answer).draft
      assert(shown.damaged and not (shown.payload or shown.preflight or shown.effect), what[i] .. ": " .. answer.text)
    end
    for _, item in ipairs(check.ok(second.client:get("/drafts", { status = "draft", limit = 500 })).items) do
      listed[item.id] = item
    end
    for i, draft in ipairs(drafts) do
      local item = listed[draft.id] -- unless it has expired
      assert(not item or item.damaged and item.summary == json.null, what[i])
    end
  end

  it("is executed by no second approval, and shown as damaged", function()
    local transactions = { ledger.make(open.client), ledger.make(open.client) }
    local left, refused = changes_max, {}
    while left > 0 do
      local drafts = make(math.min(left, batch), transactions)
      local before = state()
      -- What a draft that makes something new lacks anyway cannot be taken from it.
      local what = change(drafts, function(i)
        local done
        repeat done = changed[math.random(#changed)]() until i % 2 == 1 or not done.what:find "^witness"
        return done
      end)
      if left > changes_max - shown_max then
        assert_broken(drafts, what)
      end
      for i, answer in ipairs(each(second.client, approvals(drafts))) do
        assert(answer.status >= 400 and answer.status < 500, what[i] .. ": " .. answer.text)
        refused[answer.body.code] = (refused[answer.body.code] or 0) + 1
      end
      assert.equal(before, state())
      db.change(g.data .. "/gateway.db", "UPDATE drafts SET app_id = :app, status = 'canceled' WHERE status = 'draft'",
        { app = app.app.id })
      db.change(g.data .. "/gateway.db", "UPDATE pending SET drafts = 0")
      left = left - #drafts
    end
    assert.same({}, db.rows(g.data .. "/gateway.db", "SELECT id FROM executions WHERE draft_id IN"
      .. " (SELECT id FROM drafts WHERE approvals_required = 2)"))
    assert.is_true(refused["agent.precondition_failed"] > changes_max / 2)
  end)

  it("is executed by it when nothing was changed", function()
    local drafts = make(4, { ledger.make(open.client) })
    assert.equal("confirmed", check.ok(second.client:post("/drafts/" .. drafts[2].id .. "/approve")).draftStatus)
  end)

  it("is not executed without its witness where it has no hash of all, as one that an older schema has kept", function()
    local drafts = make(3, { ledger.make(open.client) })
    change(drafts, function(i) return set("draft_hash", i == 1 and "NULL, witness = NULL" or "NULL") end)
    local details = check.refused(second.client:post("/drafts/" .. drafts[1].id .. "/approve"), 409,
      "agent.precondition_failed")
    assert.equal("state_witness_mismatch", details.reason)
    assert.equal("confirmed", check.ok(second.client:post("/drafts/" .. drafts[3].id .. "/approve")).draftStatus)
  end)

  it("is not executed by the repeat of its request either", function()
    for _, done in ipairs { payload("title", text "Other"), set("expires_at", "expires_at + 1"), flipped "seal" } do
      local action = ledger.keyed()
      local draft = ledger.draft(open.client, action)
      change({ draft }, function() return done end)
      local before = state()
      action.execute = true
      assert.equal("seal_mismatch",
        check.refused(open.client:post("/actions", action), 409, "agent.precondition_failed").reason, done.sql)
      assert.equal(before, state())
      check.ok(g.admin:post("/drafts/" .. draft.id .. "/reject"))
    end
  end)

  it("is not shown by the repeat of its request", function()
    local action = ledger.keyed()
    local draft = ledger.draft(open.client, action)
    change({ draft }, function() return payload("title", text "Other") end)
    local path <const> = "/drafts/" .. draft.id
    assert.equal("seal_mismatch",
      check.refused(open.client:post("/actions", action), 409, "agent.precondition_failed").reason)
    assert.is_true(check.ok(g.admin:post(path .. "/reject")).draft.damaged)
    assert.equal("seal_mismatch",
      check.refused(open.client:post("/actions", action), 409, "agent.precondition_failed").reason)
  end)

  it("is not shown where it is canceled", function()
    local draft = ledger.draft(open.client, ledger.create())
    change({ draft }, function() return payload("title", text "Other") end)
    assert.is_true(check.ok(open.client:post("/drafts/" .. draft.id .. "/cancel")).draft.damaged)
  end)

  it("is not shown by what it did: its rules may have been changed", function()
    local action = ledger.keyed()
    local _, data = ledger.execute(open.client, action)
    change({ data.draft }, function() return set("policy", "json_set(policy, '$.redact', json_array('other'))") end)
    action.execute = true
    local again = check.ok(open.client:post("/actions", action))
    assert.same({ true, "success", json.null }, { again.replayed, again.execution.status, again.execution.result })
  end)
end)
