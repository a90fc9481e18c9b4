-- SPDX-License-Identifier: MIT
package.cpath = "build/?.so;" .. package.cpath
local engine = require "opp.engine"

local tools = {
  { name = "ledger.list", kind = "read", risk = "low", scopes = { "ledger.read" } },
  { name = "transaction.create", kind = "action", risk = "medium", scopes = { "transaction.write" } },
  { name = "transaction.delete", kind = "action", risk = "high", scopes = { "transaction.delete" } },
}

describe("the strict profile", function()
  local strict

  setup(function() strict = engine.load("policies", "strict", tools) end)

  it("runs in the real engine, under Lua 5.4", function()
    assert.equal("Lua 5.4", _VERSION)
  end)

  it("wants two people for high risk", function()
    local decision = strict:decide { tool = "transaction.delete", now = "2026-03-06T12:00:00Z" }
    assert.equal("draft", decision.outcome)
    assert.equal(2, decision.approvals)
    assert.equal("A high-risk action needs two people.", decision.reason)
  end)

  it("leaves other actions to the core, within limits, for an hour, in office hours", function()
    local decision = strict:decide { tool = "transaction.create", now = "2026-03-06T12:00:00Z" }
    assert.equal("allow", decision.outcome)
    assert.is_nil(decision.approvals)
    assert.equal(3600, decision.expires_in)
    assert.same({ 60, 3600, "app" }, { decision.limits[1].count, decision.limits[1].per, decision.limits[1].by })
    assert.equal("open", decision.window)
    assert.equal("closed", strict:decide { tool = "transaction.create", now = "2026-03-06T17:00:00Z" }.window)
  end)

  it("binds the whole state and asks for its witness", function()
    local state = { kind = "resource_version", updated_at = "x" }
    assert.same({ "witness" }, strict:decide { tool = "transaction.delete", state = state }.require)
    assert.same({ ["what has a state needs a witness"] = state }, strict:witness("transaction.delete", state, {}))
  end)

  it("says nothing of reads", function()
    assert.same({ outcome = "allow", failed = false }, strict:decide { tool = "ledger.list", phase = "read" })
  end)

  it("is refused with file and line when it is wrong", function()
    assert.has_error(function() engine.load("policies", "nonexistent", tools) end,
      "nonexistent: there is no policy profile 'nonexistent'")
  end)
end)
