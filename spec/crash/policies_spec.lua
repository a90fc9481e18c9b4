-- SPDX-License-Identifier: MIT
-- The process ends in the middle of a change of the policies: after the next start it has happened, or nothing has.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

local crash_exit <const> = 86

local function rule(word)
  return ([[return { { name = "%s", tools = { "transaction.create" },
    decide = function() return draft("%s") end } }]]):format(word, word)
end

describe("a process that ends while policies change", function()
  local g

  before_each(function()
    g = policies.start()
    g:rules(rule("One"))
    g:profile("other", rule("Two"))
  end)
  after_each(function() policies.stop(g) end)

  local function look() return check.ok(g.admin:get("/policies")) end
  local function said() return ledger.draft(g.agent, ledger.create()).policy.reasons[1] end

  local function changes(action)
    return check.count(g:audit { action = action, status = "success" }, {})
  end

  -- What an operator sees of the state, as one text.
  local function state()
    local now = look()
    local function named(one) return one ~= json.null and one.generation .. one.profile or "nothing" end
    return ("%s, then %s; staged %s; says %s"):format(named(now.previous), named(now.active), named(now.staged), said())
  end

  local function crash(point, request)
    g:restart("OPP_CRASH_AT=" .. point)
    assert.is_nil(g.admin:start(request):finish(), "it was answered")
    assert.equal(crash_exit, g:await_end())
    g:restart()
  end

  local verbs = {
    stage = { before = function() end, method = "POST", path = "/policies/stage", json = { profile = "other" } },
    discard = { before = function() check.ok(g.admin:post("/policies/stage", { profile = "other" })) end,
      method = "DELETE", path = "/policies/stage" },
    promote = { before = function() check.ok(g.admin:post("/policies/stage", { profile = "other" })) end,
      method = "POST", path = "/policies/promote" },
    rollback = { before = function() g:rules(rule("Three")) end, method = "POST", path = "/policies/rollback" },
  }

  local it_points = gateway.has_crash_points() and it or pending

  for verb, request in pairs(verbs) do
    it_points("has changed nothing, or all of it, by a " .. verb, function()
      local sent = { method = request.method, path = request.path, json = request.json }
      request.before()
      local before, states = state(), {}
      local points = { "policies.unaudited", "policies.written", "registry.committed", "registry.swapped",
        "policies.committed" }
      for i, point in ipairs(points) do
        local rows = changes("policy." .. verb)
        crash(point, sent)
        local kept = i > 2
        assert.equal(rows + (kept and 1 or 0), changes("policy." .. verb), point)
        states[i] = state()
        assert.equal(kept, states[i] ~= before, point .. ": " .. states[i])
        assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
        if kept and (verb == "discard" or verb == "promote") then request.before() end
        before = state()
      end
    end)
  end

  it("starts without what is staged when that does not load any more, and says so", function()
    local staged = check.ok(g.admin:post("/policies/stage", { profile = "other" })).staged
    g:kill()
    db.change(g.data .. "/gateway.db", "UPDATE generations SET sources = '{}' WHERE staged = 1")
    g:restart()
    assert.equal(json.null, look().staged)
    local row = assert(check.find(g:audit { action = "policy.discard" }, { status = "success" }))
    assert.same({ "start", staged.generation }, { row.performed_by_user_id, row.details.generation })
    assert.is_truthy(g:log():find("policy.staged_failed", 1, true))
    assert.equal("One", said())
    check.ok(g.admin:post("/policies/stage", { profile = "other" }))
    check.ok(g.admin:post("/policies/promote"))
    assert.equal("Two", said())
  end)
end)
