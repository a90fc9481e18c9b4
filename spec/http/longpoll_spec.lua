-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local socket = require "socket"

describe("waiting for a draft", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function wait(client, draft, seconds)
    return client:start { method = "GET", path = "/drafts/" .. draft.id, query = { wait = seconds } }
  end

  it("answers when it was approved", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local waiting = wait(g.agent, draft, 60)
    assert.is_nil(waiting:finish(0.3))
    ledger.approve(g.admin, draft)
    local data = check.ok(waiting:finish(30))
    assert.same({ "confirmed", "success" }, { data.draft.status, data.execution.status })
  end)

  it("answers when it was rejected or canceled", function()
    for path, client in pairs { ["/reject"] = g.admin, ["/cancel"] = g.agent } do
      local draft = ledger.draft(g.agent, ledger.create())
      local waiting = wait(g.agent, draft, 60)
      check.ok(client:post("/drafts/" .. draft.id .. path))
      assert.equal("canceled", check.ok(waiting:finish(30)).draft.status)
    end
  end)

  it("answers when the time is over, with what there is", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local from = socket.gettime()
    local data = check.ok(wait(g.agent, draft, 1):finish(30))
    assert.equal("draft", data.draft.status)
    assert.is_true(socket.gettime() - from >= 0.9)
  end)

  it("answers at once when it is final already, or no time was given", function()
    local draft = ledger.draft(g.agent, ledger.create())
    assert.equal("draft", check.ok(wait(g.agent, draft, 0):finish(30)).draft.status)
    ledger.approve(g.admin, draft)
    assert.equal("confirmed", check.ok(wait(g.agent, draft, 60):finish(30)).draft.status)
  end)

  it("wakes everyone who waits, on every worker", function()
    local draft, waiting = ledger.draft(g.agent, ledger.create()), {}
    for i = 1, 16 do
      waiting[i] = wait(g.agent, draft, 60)
    end
    ledger.approve(g.admin, draft)
    for i = 1, 16 do
      assert.equal("confirmed", check.ok(waiting[i]:finish(30)).draft.status)
    end
  end)

  it("ends with 401 when the key is revoked", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    local waiting = wait(app.client, draft, 60)
    assert.is_nil(waiting:finish(0.3))
    check.ok(g.admin:post("/keys/" .. app.key.id .. "/revoke"))
    check.refused(waiting:finish(30), 401, "agent.token_invalid")
  end)

  it("is for at most a minute", function()
    local draft = ledger.draft(g.agent, ledger.create())
    for _, seconds in ipairs { 61, -1, "soon" } do
      check.refused(g.agent:get("/drafts/" .. draft.id, { wait = seconds }), 400, "common.validation")
    end
  end)

  it("does not keep the gateway from ending", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local waiting = wait(g.agent, draft, 60)
    assert.is_nil(waiting:finish(0.3))
    assert.equal(0, g:terminate())
    g:restart()
    assert.equal("draft", check.ok(g.agent:get("/drafts/" .. draft.id)).draft.status)
  end)
end)
