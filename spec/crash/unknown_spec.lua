-- SPDX-License-Identifier: MIT
-- What nobody can know after a crash is unknown: never tried again, listed, asked about again, and resolved by people.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local crash_exit <const> = 86
local config <const> = "timeouts: { unknown_retry_seconds: 1 }\n"

local describe_points = gateway.has_crash_points() and describe or pending

describe_points("an execution of which nobody knows what became", function()
  local g, app

  setup(function()
    g = gateway.start { config = config }
    app = g:open_app()
  end)
  teardown(function() gateway.stop(g) end)

  local function gateway_rows(sql, params) return db.rows(g.data .. "/gateway.db", sql, params) end

  local function change_ledger(sql, params) db.change(g.data .. "/ledger.db", sql, params) end

  local function execution_of(action)
    return gateway_rows("SELECT id, draft_id, status, effect_id FROM executions WHERE idempotency_key = :key"
      .. " ORDER BY id", { key = action.idempotencyKey })[1]
  end

  -- Ends the process after the effect of a request, before its outcome.
  local function crash(request, point)
    g:restart("OPP_CRASH_AT=" .. (point or "effect.committed"))
    assert.is_nil((request.client or app.client):start(request):finish())
    assert.equal(crash_exit, g:await_end())
  end

  local function spoil_receipt(action)
    change_ledger("UPDATE opp_receipts SET result = '{' || result WHERE effect_id = :id",
      { id = execution_of(action).effect_id })
  end

  local function mend_receipt(action)
    change_ledger("UPDATE opp_receipts SET result = substr(result, 2) WHERE effect_id = :id AND result LIKE '{{%'",
      { id = execution_of(action).effect_id })
  end

  -- Executes an action of which nobody knows then what became of it; gives its row.
  local function unknown(action)
    crash(ledger.request(action))
    spoil_receipt(action)
    g:restart()
    local execution = execution_of(action)
    assert.equal("unknown", execution.status)
    return execution
  end

  local function resolve(execution, outcome, client)
    return (client or g.admin):post("/drafts/" .. execution.draft_id .. "/resolve",
      { outcome = outcome, note = "Looked into the ledger." })
  end

  local function listed(client, execution)
    local items = check.ok(client:get("/drafts", { executionStatus = "unknown", limit = 500 })).items
    return check.count(items, { id = execution.draft_id })
  end

  local function blocked(response, execution)
    local details = check.refused(response, 409, "agent.precondition_failed")
    assert.same({ "outcome_unknown", execution.draft_id, execution.id },
      { details.reason, details.unknown.draftId, details.unknown.executionId })
    return details
  end

  it("is not tried again, is listed, and blocks the same intent until a person says that it was applied", function()
    local action = ledger.keyed { execute = true }
    local waiting = ledger.draft(app.client, ledger.create(nil, action.payload))
    local execution = unknown(action)
    assert.same({ 1, 1 }, { listed(app.client, execution), listed(g.admin, execution) })
    assert.same({}, gateway_rows "SELECT id FROM executions WHERE status = 'pending'")
    check.refused(app.client:post("/actions", action), 504, "agent.execution_unknown")

    local other = ledger.keyed({ execute = true }, action.payload)
    local details = blocked(app.client:post("/actions", other), execution)
    assert.same({ "poll", execution.draft_id }, { details.recovery, details.draftId })
    blocked(app.client:post("/actions", { action = action.action, payload = action.payload }), execution)
    local preflight = ledger.preflight(app.client, action)
    assert.same({ "deny", "agent.precondition_failed" }, { preflight.decision.mode, preflight.decision.codes[1] })
    blocked(g.admin:post("/drafts/" .. waiting.id .. "/approve"), execution)
    assert.equal("draft", check.ok(app.client:get("/drafts/" .. waiting.id)).draft.status)

    local answer = check.ok(resolve(execution, "applied"))
    assert.same({ "confirmed", "success", "applied" },
      { answer.draftStatus, answer.execution.status, answer.execution.resolution.outcome })
    assert.same({ 0, 1 }, { listed(g.admin, execution), ledger.count(app.client, action.payload.title) })
    assert.equal(execution.id, check.ok(app.client:post("/actions", action)).execution.id)
    assert.equal("executed", check.ok(app.client:post("/actions", other)).status)
    assert.equal("success", ledger.approve(g.admin, waiting).execution.status)
  end)

  it("is in the evidence as what a person made of it", function()
    local execution = unknown(ledger.keyed { execute = true })
    check.ok(resolve(execution, "applied"))
    local response = g.admin:get("/drafts/" .. execution.draft_id .. "/evidence")
    assert.equal("applied", check.ok(response).outcome.resolution.outcome)
    gateway.write_file(g:file("evidence.json"), response.text)
    local output = gateway.run("evidence verify '" .. g:file("evidence.json") .. "'")
    assert.is_truthy(output:find("The evidence holds", 1, true), output)
  end)

  it("does not block another app, nor another payload", function()
    local action = ledger.keyed { execute = true }
    local execution = unknown(action)
    local other = g:open_app()
    ledger.execute(other.client, ledger.create(nil, action.payload))
    ledger.execute(app.client, ledger.create())
    check.ok(resolve(execution, "applied"))
  end)

  it("frees its key when a person says that nothing was applied", function()
    local action = ledger.keyed { execute = true }
    local execution = unknown(action)
    change_ledger("DELETE FROM transactions WHERE title = :title", { title = action.payload.title })
    local answer = check.ok(resolve(execution, "not_applied"))
    assert.same({ "failed", "failed", "not_applied" },
      { answer.draftStatus, answer.execution.status, answer.execution.error.reason })
    local seen = check.ok(app.client:get("/drafts/" .. execution.draft_id))
    assert.same({ "failed", "not_applied" }, { seen.draft.status, seen.draft.failure.reason })
    assert.is_nil(seen.execution.resolution)
    local again, data = ledger.execute(app.client, action)
    assert.not_equal(execution.id, again.id)
    assert.equal(execution.id, data.details.previousExecutionId)
    assert.equal(1, ledger.count(app.client, action.payload.title))
  end)

  it("is what its receipt says where that can be read by then, whatever a person says", function()
    gateway.write_file(g:file("oppd.yaml"), "timeouts: { unknown_retry_seconds: 3600 }\n") -- nobody else asks
    for _, outcome in ipairs { "not_applied", "applied" } do
      local action = ledger.keyed { execute = true }
      local execution = unknown(action)
      mend_receipt(action)
      local details = check.refused(resolve(execution, outcome), 409, "agent.precondition_failed")
      assert.same({ "not_unknown", "success" }, { details.reason, details.executionStatus })
      assert.is_true(check.ok(app.client:post("/actions", action)).replayed)
      assert.equal(1, ledger.count(app.client, action.payload.title))
      local rows = g:audit { action = "agent.draft.resolve" }
      assert.equal("denied", check.find(rows, { draft_id = execution.draft_id }).status)
    end
    gateway.write_file(g:file("oppd.yaml"), config)
    g:restart()
  end)

  it("leaves evidence of what a person said of it", function()
    local execution = unknown(ledger.keyed { execute = true })
    check.ok(resolve(execution, "applied"))
    local evidence = check.ok(g.admin:get("/drafts/" .. execution.draft_id .. "/evidence"))
    assert.same({ "success", "applied" }, { evidence.outcome.status, evidence.outcome.resolution.outcome })
    gateway.write_file(g:file("evidence.json"), json.encode(evidence))
    local output = gateway.run(("evidence verify '%s'"):format(g:file("evidence.json")))
    assert.is_nil(output:find("does not hold", 1, true), output)
  end)

  it("is resolved once: the same again is answered again, anything else is refused", function()
    local execution = unknown(ledger.keyed { execute = true })
    local first = check.ok(resolve(execution, "applied"))
    assert.same(first, check.ok(resolve(execution, "applied")))
    local details = check.refused(resolve(execution, "not_applied"), 409, "agent.precondition_failed")
    assert.same({ "not_unknown", "success" }, { details.reason, details.executionStatus })
    local rows = g:audit { action = "agent.draft.resolve", status = "success" }
    assert.equal(1, check.count(rows, { execution_id = execution.id }))
    local row = check.find(rows, { execution_id = execution.id })
    assert.same({ "applied", "Looked into the ledger." }, { row.details.outcome, row.details.note })
  end)

  it("is not resolved by what cannot be recorded", function()
    local action = ledger.keyed { execute = true }
    local execution = unknown(action)
    db.change(g.data .. "/gateway.db", "CREATE TRIGGER refuse BEFORE INSERT ON audit"
      .. " WHEN NEW.action = 'agent.draft.resolve' BEGIN SELECT raise(ABORT, 'refused'); END")
    local answer = resolve(execution, "not_applied")
    local status = execution_of(action).status
    db.change(g.data .. "/gateway.db", "DROP TRIGGER refuse")
    check.refused(answer, 503, "common.unavailable")
    assert.equal("unknown", status)
    check.refused(app.client:post("/actions", action), 504, "agent.execution_unknown")
    check.ok(resolve(execution, "applied"))
  end)

  it("is resolved by an operator who sees it, of what is unknown, with a note", function()
    local execution = unknown(ledger.keyed { execute = true })
    for _, role in ipairs { "viewer", "reviewer", "owner" } do
      check.refused(resolve(execution, "applied", g:person("is_" .. role, { role }).client), 403, "agent.forbidden")
    end
    local elsewhere = g:person("elsewhere", { "operator" }, { "org_other" })
    check.refused(resolve(execution, "applied", elsewhere.client), 404, "agent.draft_not_found")
    check.refused(g.admin:post("/drafts/" .. execution.draft_id .. "/resolve", { outcome = "applied", note = " " }),
      400, "common.validation")
    local draft = ledger.draft(app.client, ledger.create())
    local details = check.refused(resolve({ draft_id = draft.id }, "applied"), 409, "agent.precondition_failed")
    assert.equal("not_unknown", details.reason)
    local here = g:person("here", { "operator" }, { "org_demo" })
    check.ok(resolve(execution, "applied", here.client))
  end)

  it("is told on the stream of events, and that it was resolved", function()
    local head = #g:audit()
    local execution = unknown(ledger.keyed { execute = true })
    check.ok(resolve(execution, "applied"))
    local told = {}
    local stream = g.admin:stream("/events", { ["Last-Event-ID"] = tostring(head) })
    repeat
      local event = assert(stream:next(30))
      if event.body.draft_id == execution.draft_id then
        told[#told + 1] = event.event
      end
    until event.event == "draft.resolved"
    stream:close()
    assert.same({ "draft.created", "draft.unknown", "draft.resolved" }, told)
  end)

  it("is asked about again while the gateway runs, and settled when its receipt can be read", function()
    local action = ledger.keyed { execute = true }
    local execution = unknown(action)
    local waiting = app.client:start { method = "GET", path = "/drafts/" .. execution.draft_id }
    assert.equal("unknown", check.ok(assert(waiting:finish())).execution.status)
    mend_receipt(action)
    gateway.eventually("the receipt is asked for again", function() return execution_of(action).status == "success" end)
    local data = check.ok(app.client:post("/actions", action))
    assert.same({ execution.id, action.payload.title }, { data.execution.id, data.execution.result.transaction.title })
    assert.equal(1, ledger.count(app.client, action.payload.title))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("is unknown where the adapter's database is a new one, and known again when the old one is back", function()
    local action = ledger.keyed { execute = true }
    crash(ledger.request(action))
    assert(os.execute(("cd '%s' && mkdir away && mv ledger.db* away/"):format(g.data)))
    g:restart()
    assert.equal("unknown", execution_of(action).status)
    check.refused(app.client:post("/actions", action), 504, "agent.execution_unknown")
    g:terminate()
    assert(os.execute(("cd '%s' && rm ledger.db* && mv away/* . && rmdir away"):format(g.data)))
    g:restart()
    assert.equal("success", execution_of(action).status)
    assert.equal(1, ledger.count(app.client, action.payload.title))
  end)

  it("is none that a damaged draft stands before: its receipt is found without it", function()
    local action = ledger.keyed { execute = true }
    crash(ledger.request(action))
    db.change(g.data .. "/gateway.db", "UPDATE drafts SET effect = '{' WHERE id = :id",
      { id = execution_of(action).draft_id })
    g:restart()
    assert.equal("success", execution_of(action).status)
  end)

  it("may be one that a person approved", function()
    local action = ledger.keyed()
    local draft = ledger.draft(app.client, action)
    crash { method = "POST", path = "/drafts/" .. draft.id .. "/approve", client = g.admin }
    spoil_receipt(action)
    g:restart()
    assert.equal("unknown", execution_of(action).status)
    check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 400, "agent.draft_already_final")
    assert.equal("failed", check.ok(resolve(execution_of(action), "not_applied")).draftStatus)
  end)

  it("may be one whose outcome could not be written, while the gateway runs", function()
    local action = ledger.keyed { execute = true }
    db.change(g.data .. "/gateway.db", "CREATE TRIGGER refuse BEFORE UPDATE OF status ON executions"
      .. " BEGIN SELECT raise(ABORT, 'refused'); END")
    check.refused(app.client:post("/actions", action), 503, "common.unavailable")
    spoil_receipt(action)
    db.change(g.data .. "/gateway.db", "DROP TRIGGER refuse")
    gateway.eventually("it is unknown", function() return execution_of(action).status == "unknown" end)
    mend_receipt(action)
    gateway.eventually("it is settled", function() return execution_of(action).status == "success" end)
    assert.equal(1, ledger.count(app.client, action.payload.title))
  end)

  for point, kept in pairs { ["resolution.written"] = "unknown", ["resolution.committed"] = "success" } do
    it(("is %s when the process ends at %s"):format(kept, point), function()
      local action = ledger.keyed { execute = true }
      local execution = unknown(action)
      crash({ method = "POST", path = "/drafts/" .. execution.draft_id .. "/resolve", client = g.admin,
        json = { outcome = "applied", note = "Seen." } }, point)
      g:restart()
      assert.equal(kept, execution_of(action).status)
      check.ok(resolve(execution, "applied"))
      assert.equal(1, check.count(g:audit { action = "agent.draft.resolve" }, { execution_id = execution.id }))
      assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    end)
  end

  for _, point in ipairs { "recovery.found", "recovery.written", "recovery.committed" } do
    it("is unknown at the next start also when that start ended at " .. point, function()
      local action = ledger.keyed { execute = true }
      crash(ledger.request(action))
      spoil_receipt(action)
      assert.equal(crash_exit, g:restart_in_vain("OPP_CRASH_AT=" .. point))
      g:restart()
      assert.equal("unknown", execution_of(action).status)
      check.ok(resolve(execution_of(action), "applied"))
    end)
  end
end)
