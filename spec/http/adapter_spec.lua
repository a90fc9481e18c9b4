-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

describe("an adapter that goes wrong", function()
  local g, app

  setup(function()
    g = gateway.start { adapters = "spec/fixtures/adapters" }
    app = g:open_app { scopes = { "odd.use" } }
  end)
  teardown(function() gateway.stop(g) end)

  local function action(name, fields)
    local body = { action = "odd." .. name, payload = { name = ledger.unique("thing") } }
    for field, value in pairs(fields or {}) do body[field] = value end
    return body
  end

  local function names()
    local list = {}
    for i, item in ipairs(check.ok(app.client:get("/odd-list")).items) do list[i] = item.name end
    return list
  end

  local function has(name)
    for _, other in ipairs(names()) do
      if other == name then return true end
    end
    return false
  end

  local function row_of(response)
    return gateway.eventually("the call is on record", function()
      return check.find(g:audit(), { request_id = response.headers["x-request-id"] })
    end)
  end

  it("is not in the way of what goes right", function()
    local body = action("fine")
    local execution = ledger.execute(app.client, body)
    assert.same({ body.payload.name, 1 }, { execution.result.thing.name, execution.result.thing.amount })
    assert.is_true(has(body.payload.name))
  end)

  it("exports no more rows than the app may where it has divided to count them", function()
    check.refused(app.client:post("/actions", action("exports_half")), 403, "agent.policy_denied")
  end)

  it("shows no row of another tenant: the answer is a defect", function()
    local response = app.client:get("/odd-outside")
    check.refused(response, 500, "common.internal_error")
    assert.is_nil(response.text:find("far", 1, true))
    assert.not_equal("success", row_of(response).status)
  end)

  it("does not show its error to the agent, only to the audit trail", function()
    local response = app.client:get("/odd-broken")
    check.refused(response, 502, "agent.execution_failed")
    assert.is_nil(response.text:find("secret", 1, true))
    assert.equal("failed", row_of(response).status)
    response = app.client:post("/actions", action("raises"))
    check.refused(response, 502, "agent.execution_failed")
    assert.is_nil(response.text:find("secret", 1, true))
  end)

  it("cannot write while it reads", function()
    local before = #names()
    check.refused(app.client:get("/odd-writing"), 502, "agent.execution_failed")
    assert.equal(before, #names())
  end)

  it("cannot answer nonsense", function()
    check.refused(app.client:post("/actions", action("nonsense")), 502, "agent.execution_failed")
  end)

  it("cannot refuse with what is no text", function()
    check.refused(app.client:post("/actions", action("mumbled")), 502, "agent.execution_failed")
  end)

  it("is stopped when it never ends, and holds up nobody for long", function()
    local requests = {}
    for i = 1, 8 do
      requests[i] = i % 2 == 0 and { method = "GET", path = "/odd-endless" }
        or { method = "POST", path = "/actions", json = action("endless_action") }
    end
    for _, response in ipairs(http.parallel(app.client, requests, 8)) do
      check.refused(response, 502, "agent.execution_failed")
    end
    assert.is_true(#names() >= 2)
  end)

  it("can refuse with a conflict, and say that it is unavailable or gone", function()
    local details = check.refused(app.client:post("/actions", action("conflict")), 409, "agent.precondition_failed")
    assert.same({ "closed_period", "odd.conflict" }, { details.reason, details.action })
    local response = app.client:post("/actions", action("unavailable"))
    check.refused(response, 502, "agent.execution_failed")
    assert.equal("7", response.headers["retry-after"])
    check.refused(app.client:post("/actions", action("gone")), 403, "agent.policy_denied")
  end)

  it("applies nothing when another number of rows was affected than it said", function()
    local draft = ledger.draft(app.client, action("too_many"))
    local details = check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 409, "agent.precondition_failed")
    assert.equal("affected_rows", details.reason)
    local seen = check.ok(app.client:get("/drafts/" .. draft.id))
    assert.same({ "failed", "failed" }, { seen.draft.status, seen.execution.status })
  end)

  it("applies all statements or none", function()
    local body = action("half", { execute = true })
    local details = check.refused(app.client:post("/actions", body), 409, "agent.precondition_failed")
    assert.equal("conflict", details.reason)
    assert.is_false(has(body.payload.name))
    local seen = check.ok(app.client:get("/drafts/" .. details.draftId))
    assert.same({ "failed", "failed", details.executionId },
      { seen.draft.status, seen.execution.status, seen.execution.id })
  end)

  it("frees the idempotency key when it failed, and names the attempt before", function()
    local body = action("half", { execute = true, idempotencyKey = ledger.unique("key") })
    local first = check.refused(app.client:post("/actions", body), 409, "agent.precondition_failed")
    body.execute = false
    local draft, data = ledger.draft(app.client, body)
    assert.not_equal(first.draftId, draft.id)
    assert.equal(first.executionId, data.details.previousExecutionId)
  end)

  it("does not run what has another impact by then", function()
    local body = action("counted_impact")
    local draft = ledger.draft(app.client, body)
    ledger.execute(app.client, action("fine"))
    local details = check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 409, "agent.precondition_failed")
    assert.equal("impact_changed", details.reason)
    assert.equal("failed", check.ok(app.client:get("/drafts/" .. draft.id)).draft.status)
    assert.is_false(has(body.payload.name))
  end)

  it("does not run what has another effect by then", function()
    local body = action("counted_effect")
    local draft = ledger.draft(app.client, body)
    ledger.execute(app.client, action("fine"))
    local details = check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 409, "agent.precondition_failed")
    assert.equal("effect_changed", details.reason)
    assert.is_false(has(body.payload.name))
  end)
end)

describe("an adapter that cannot be loaded", function()
  it("keeps the gateway from starting, and is named with its line", function()
    local dir = gateway.make_dir()
    os.execute(("mkdir -p %s/adapters/bad"):format(dir))
    gateway.write_file(dir .. "/adapters/bad/init.lua", "return {\n  name = = 1\n}\n")
    local output, code = gateway.run(("serve --data %s/data --listen 127.0.0.1:0 --policies policies --adapters "
      .. "%s/adapters"):format(dir, dir))
    os.execute("rm -rf " .. dir)
    assert.is_true(code ~= 0)
    assert.is_truthy(output:find("init.lua:2", 1, true), output)
  end)
end)
