-- SPDX-License-Identifier: MIT
-- Who learns why: the operator all of it, the reviewer the rules and their reasons, the agent the reasons alone.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

describe("what the rules said", function()
  local g

  setup(function() g = policies.start() end)
  teardown(function() policies.stop(g) end)

  local function row_of(response, action)
    return assert(check.find(g:audit(), { request_id = response.headers["x-request-id"], action = action }))
  end

  it("is in the audit row of a denial, with the generation that was in force", function()
    local active = g:in_force [[
      { name = "notes", tools = { "transaction.create" }, decide = function() return allow { expires_in = 60 } end },
      { name = "closed", tools = { "transaction.create" },
        decide = function() return deny("Closed.", { tag = "t" }) end },
    ]]
    local response = g.agent:post("/actions", ledger.create())
    check.refused(response, 403, "agent.policy_denied")
    assert.is_nil(response.text:find("notes", 1, true))
    assert.is_nil(response.body.details.rules)
    local row = row_of(response)
    assert.same({ { rule = "notes", outcome = "allow" }, { rule = "closed", outcome = "deny", reason = "Closed." } },
      row.details.rules)
    assert.same({ "denied", "agent.policy_denied", "t" }, { row.status, row.code, row.details.tag })
    assert.equal(("%d-%s"):format(active.generation, active.sha256:sub(1, 12)), row.policy_generation)
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("is in the audit row of a denied discovery and of a read that a rule shaped", function()
    g:in_force [[
      { name = "hidden", tools = { "transaction.delete" }, discover = function() return false end },
      { name = "short", tools = { "transaction.list" }, decide = function() return allow { max_rows = 1 } end },
    ]]
    local hidden = g.agent:post("/actions", ledger.delete("txn_1"))
    check.refused(hidden, 403, "agent.policy_denied")
    assert.equal("hidden", row_of(hidden).details.rules[1].rule)
    local read = g.agent:get("/transactions", { ledgerId = "ledger_main" })
    check.ok(read)
    gateway.eventually("the row of the read", function()
      local row = check.find(g:audit(), { request_id = read.headers["x-request-id"] })
      return row and row.details ~= json.null and row.details.rules[1].rule == "short"
    end)
  end)

  it("is in the draft: names and reasons for the reviewer, reasons for the agent", function()
    g:in_force [[
      { name = "look twice", tools = { "transaction.create" }, decide = function() return draft("Look twice.") end },
    ]]
    local response = g.agent:post("/actions", ledger.create(nil, { title = "Explained" }))
    local draft = check.ok(response).draft
    assert.same({ "Look twice." }, draft.policy.reasons)
    assert.is_nil(response.text:find("look twice", 1, true))
    local seen = check.ok(g.admin:get("/drafts/" .. draft.id)).draft
    assert.same({ { rule = "look twice", outcome = "draft", reason = "Look twice." } }, seen.policy_snapshot.reasons)
    assert.equal("look twice", row_of(response, "agent.action.draft.created").details.rules[1].rule)
    local approved = g.admin:post("/drafts/" .. draft.id .. "/approve")
    check.ok(approved)
    assert.equal("look twice", row_of(approved, "agent.draft.approve").details.rules[1].rule)
  end)

  it("of an error is for the operator alone", function()
    g:in_force [[
      { name = "broken", tools = { "transaction.create" }, decide = function(request)
        return request.payload.ghost.title end },
    ]]
    local response = g.agent:post("/actions", ledger.create())
    check.refused(response, 403, "agent.policy_denied")
    for _, word in ipairs { "broken", "ghost", ".lua", "nil" } do
      assert.is_nil(response.text:find(word, 1, true), word)
    end
    local spoke = row_of(response).details.rules[1]
    assert.same({ "broken", "deny" }, { spoke.rule, spoke.outcome })
    assert.is_truthy(spoke.error:find("^mine/10%-rules%.lua:%d+: .*ghost"), spoke.error)
    local errors = check.ok(g.admin:get("/policies")).active.errors
    assert.is_truthy(errors.last.where:find("10-rules.lua", 1, true))
  end)

  it("of an error is logged with the request's id, once a second", function()
    g:in_force [[
      { name = "noisy", tools = { "transaction.create" }, decide = function() error("noise") end },
    ]]
    local function lines()
      local found = {}
      for line in g:log():gmatch("[^\n]*policy%.rule_failed[^\n]*") do
        if line:find("noise", 1, true) then found[#found + 1] = line end
      end
      return found
    end
    local started, ids = require("socket").gettime(), {}
    for _ = 1, 200 do
      ids[g.agent:post("/actions", ledger.create()).headers["x-request-id"]] = true
    end
    local seconds = require("socket").gettime() - started
    local found = lines()
    assert.is_true(#found >= 1 and #found <= seconds + 1, #found .. " lines in " .. seconds .. " seconds")
    for _, line in ipairs(found) do
      local event = assert(json.decode(line))
      assert.is_true(ids[event.request_id])
      assert.is_truthy(event.where and event.where:find("10%-rules%.lua:%d+$"), line)
    end
    assert.is_true(check.ok(g.admin:get("/policies")).active.errors.count >= 200)
  end)

  it("of two failing rules is logged once a second each", function()
    g:in_force [[
      { name = "one", tools = { "transaction.create" }, decide = function() error("first") end },
      { name = "two", tools = { "transaction.update" }, decide = function() error("second") end },
    ]]
    local function count(word)
      local _, lines = g:log():gsub("policy%.rule_failed[^\n]*" .. word, "")
      return lines
    end
    local started = require("socket").gettime()
    for _ = 1, 50 do
      g.agent:post("/actions", ledger.create())
      g.agent:post("/actions", ledger.update("txn_1", { title = "x" }))
    end
    local seconds = require("socket").gettime() - started
    for _, word in ipairs { "first", "second" } do
      assert.is_true(count(word) >= 1 and count(word) <= seconds + 1, word .. ": " .. count(word))
    end
  end)
end)
