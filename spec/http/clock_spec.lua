-- SPDX-License-Identifier: MIT
-- A clock that is behind what is on record reopens nothing.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"

describe("a clock that was set back", function()
  local g, app, short

  -- What is on record is as it would be if the clock had been ten minutes ahead.
  setup(function()
    g = gateway.start()
    app = g:open_app()
    short = g:open_app { auto_execute = { writes = { enabled = true, expires_in = 300 } } }
    g:terminate()
    db.change(g.data .. "/gateway.db", "UPDATE audit SET created_at = created_at + 600000")
    g.ready_status = 503
    g:restart()
  end)
  teardown(function() gateway.stop(g) end)

  local function denied(client)
    local body = ledger.create()
    body.execute = true
    local _, data = ledger.draft(client, body)
    return data.autoExecuteDeniedCode
  end

  it("makes the gateway not ready, and says why", function()
    local details = check.refused(g:client(""):get("/readyz"), 503, "common.unavailable")
    assert.is_truthy(details.reason:find("clock", 1, true))
  end)

  it("leaves nothing to be executed at once", function()
    assert.equal("agent.auto_execute_denied", denied(app.client))
  end)

  it("does not open a window again that has ended", function()
    assert.equal("agent.auto_execute_expired", denied(short.client))
  end)

  it("does not stop a person from deciding", function()
    local draft = ledger.draft(app.client, ledger.create())
    assert.equal("success", ledger.approve(g.admin, draft).execution.status)
  end)
end)
