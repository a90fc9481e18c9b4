-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("an idempotency key", function()
  local g, open

  setup(function()
    g = gateway.start()
    open = g:open_app().client
  end)
  teardown(function() gateway.stop(g) end)

  local function copies(action, count)
    local requests = {}
    for i = 1, count do
      requests[i] = ledger.request(action)
    end
    return requests
  end

  -- Sends equal requests; gives how many executed, how many were replays, and the ids of the executions seen.
  local function race(action, count, concurrency)
    local executed, replayed, ids = 0, 0, {}
    for _, response in ipairs(http.parallel(open, copies(action, count), concurrency)) do
      local data = check.ok(response)
      assert.equal("executed", data.status)
      if data.replayed then
        replayed = replayed + 1
        assert.equal("agent.idempotency_replay", data.code)
        assert.equal("true", response.headers["idempotent-replayed"])
      else
        executed = executed + 1
      end
      ids[data.execution.id] = true
    end
    return executed, replayed, ids
  end

  it("makes of 100 equal requests one execution and 99 replays", function()
    local action = ledger.keyed { execute = true }
    local executed, replayed, ids = race(action, 100, 1)
    assert.same({ 1, 99 }, { executed, replayed })
    assert.is_nil(next(ids, next(ids)))
    assert.equal(1, ledger.count(open, action.payload.title))
  end)

  it("makes of 32 requests at the same time one effect", function()
    for _ = 1, 5 do
      local action = ledger.keyed { execute = true }
      local executed, replayed, ids = race(action, 32, 32)
      assert.same({ 1, 31 }, { executed, replayed })
      assert.is_nil(next(ids, next(ids)))
      assert.equal(1, ledger.count(open, action.payload.title))
    end
  end)

  it("makes of 32 drafts at the same time one draft", function()
    local action, ids, fresh = ledger.keyed(), {}, 0
    for _, response in ipairs(http.parallel(g.agent, copies(action, 32), 32)) do
      local data = check.ok(response)
      ids[data.draft.id] = true
      fresh = fresh + (data.replayed and 0 or 1)
    end
    assert.is_nil(next(ids, next(ids)))
    assert.equal(1, fresh)
  end)

  it("answers a repeated success with the recorded outcome", function()
    local action = ledger.keyed { execute = true }
    local first = ledger.execute(open, action)
    local response = open:post("/actions", action)
    local data = check.ok(response)
    assert.same({ "executed", true, "agent.idempotency_replay", first.id },
      { data.status, data.replayed, data.code, data.execution.id })
    assert.same({ first.draft_id, "confirmed" }, { data.draft.id, data.draft.status })
    assert.equal(json.encode(first.result), json.encode(data.execution.result))
    assert.equal("true", response.headers["idempotent-replayed"])
  end)

  it("is on record as a replay", function()
    local action = ledger.keyed { execute = true }
    ledger.execute(open, action)
    local id = open:post("/actions", action).headers["x-request-id"]
    assert.equal("agent.action.idempotency_replay", check.find(g:audit(), { request_id = id }).action)
  end)

  it("is refused for another intent, one byte apart", function()
    local action = ledger.keyed { execute = true }
    ledger.execute(open, action)
    action.payload.title = action.payload.title .. "."
    check.refused(open:post("/actions", action), 409, "agent.idempotency_mismatch")
    assert.equal(0, ledger.count(open, action.payload.title))
  end)

  it("is refused for another intent while the first is a draft", function()
    local action = ledger.keyed()
    ledger.draft(g.agent, action)
    action.payload.amount_home = 13
    local details = check.refused(g.agent:post("/actions", action), 409, "agent.idempotency_mismatch")
    assert.equal("key", details.recovery)
  end)

  it("is free again when the world has moved away from its draft", function()
    local app = g:app()
    local txn = ledger.make(open)
    local action = ledger.delete(txn.id, { idempotencyKey = ledger.unique("key") })
    local draft = ledger.draft(app.client, action)
    ledger.execute(open, ledger.update(txn.id, { amount_home = 2 }))
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/auto-execute", gateway.open_windows))
    action.execute = true
    local details = check.refused(app.client:post("/actions", action), 409, "agent.precondition_failed")
    assert.same({ draft.id, "state_witness_mismatch" }, { details.draftId, details.reason })
    local failed = check.ok(app.client:get("/drafts/" .. draft.id)).draft
    assert.same({ "failed", "state_witness_mismatch" }, { failed.status, failed.failure.reason })
    assert.not_equal(draft.id, ledger.execute(app.client, action).draft_id)
  end)

  it("keeps its draft when only the request's witness is wrong", function()
    local app = g:open_app()
    local txn = ledger.make(open)
    local action = ledger.delete(txn.id, { idempotencyKey = ledger.unique("key") })
    local draft = ledger.draft(app.client, action)
    action.execute, action.stateWitnessHash = true, ("0"):rep(64)
    local details = check.refused(app.client:post("/actions", action), 409, "agent.precondition_failed")
    assert.equal(draft.id, details.draftId)
    action.stateWitnessHash = nil
    assert.equal(draft.id, ledger.execute(app.client, action).draft_id)
  end)

  it("fails its pending draft when the resource is gone by the time it is asked to run", function()
    local txn, app = ledger.make(open), g:open_app()
    local action = ledger.update(txn.id, { title = "late" })
    action.idempotencyKey = ledger.unique("key")
    local draft = ledger.draft(app.client, action)
    ledger.execute(open, { action = "transaction.hard_delete", payload = { transactionId = txn.id },
      justification = "A spec asks for it." })
    action.execute = true
    local details = check.refused(app.client:post("/actions", action), 403, "agent.policy_denied")
    assert.equal(draft.id, details.draftId)
    local seen = check.ok(app.client:get("/drafts/" .. draft.id)).draft
    assert.same({ "failed", "agent.policy_denied" }, { seen.status, seen.failure.code })
    assert.equal(1, check.count(g:audit(), { draft_id = draft.id, code = "agent.policy_denied" }))
  end)

  it("knows the preflight that its draft was completed with, also after that has gone", function()
    local app = g:open_app()
    local action = ledger.keyed()
    local draft = ledger.draft(app.client, action)
    local flight = ledger.preflight(app.client, action)
    local handle = { action = action.action, preflightId = flight.preflightId,
      idempotencyKey = action.idempotencyKey, execute = true }
    assert.equal(draft.id, check.ok(app.client:post("/actions", handle)).draft.id)
    g:terminate()
    db.change(g.data .. "/gateway.db", "DELETE FROM preflights")
    g:restart()
    assert.is_true(check.ok(app.client:post("/actions", handle)).replayed)
  end)

  it("says again why its draft was not executed", function()
    local action = ledger.keyed { execute = true }
    local app = g:app()
    local first = check.ok(app.client:post("/actions", action))
    assert.equal("agent.auto_execute_disabled", first.autoExecuteDenied.code)
    action.execute = nil
    assert.same(first.autoExecuteDenied, check.ok(app.client:post("/actions", action)).autoExecuteDenied)
  end)

  it("does not care about the order or the spelling of what is the same JSON", function()
    local key = ledger.unique("key")
    local body = '{"action":"transaction.create","idempotencyKey":"%s","payload":{%s}}'
    local function send(payload)
      return check.ok(g.agent:request { method = "POST", path = "/actions", body = body:format(key, payload) })
    end
    local first = send '"ledgerId":"ledger_main","kind":"expense","title":"\\u0061","amount_home":10'
    local again = send '"amount_home":1e1, "title":"a", "kind":"expense", "ledgerId":"ledger_main"'
    assert.is_true(again.replayed)
    assert.equal(first.draft.id, again.draft.id)
  end)

  it("gives the pending draft again to a repeat that does not execute", function()
    local action = ledger.keyed()
    local draft = ledger.draft(g.agent, action)
    local response = g.agent:post("/actions", action)
    local data = check.ok(response)
    assert.same({ "draft", true, draft.id }, { data.status, data.replayed, data.draft.id })
    assert.is_string(data.review_path)
    assert.equal("true", response.headers["idempotent-replayed"])
    action.execute, action.forceDraft = true, true
    assert.equal(draft.id, check.ok(g.agent:post("/actions", action)).draft.id)
  end)

  it("executes the pending draft when a window has opened since", function()
    local app = g:app()
    local action = ledger.keyed { execute = true }
    local draft, data = ledger.draft(app.client, action)
    assert.equal("agent.auto_execute_disabled", data.autoExecuteDeniedCode)
    local again = check.ok(app.client:post("/actions", action))
    assert.same({ "draft", draft.id, "agent.auto_execute_disabled" },
      { again.status, again.draft.id, again.autoExecuteDeniedCode })
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/auto-execute", { writes = { enabled = true } }))
    local _, done = ledger.execute(app.client, action)
    assert.equal(draft.id, done.draft.id)
    assert.equal(1, ledger.count(app.client, action.payload.title))
    assert.equal(1, #check.ok(app.client:get("/drafts")).items)
  end)

  it("lets a repeat bring what the pending draft lacked, under a new seal", function()
    local app = g:open_app()
    local txn = ledger.make(app.client)
    local action = ledger.delete(txn.id, { idempotencyKey = ledger.unique("key"), execute = true })
    action.justification = nil
    local draft, data = ledger.draft(app.client, action)
    assert.equal("agent.action_invalid", data.autoExecuteDeniedCode)
    action.justification = "It was entered twice."
    local _, done = ledger.execute(app.client, action)
    assert.equal(draft.id, done.draft.id)
    local seen = check.ok(app.client:get("/drafts/" .. draft.id)).draft
    assert.equal("It was entered twice.", seen.justification)
    assert.not_equal(draft.seal, seen.seal)
  end)

  it("gives a repeat the outcome of an approval", function()
    local action = ledger.keyed()
    local draft = ledger.draft(g.agent, action)
    local execution = ledger.approve(g.admin, draft).execution
    local data = check.ok(g.agent:post("/actions", action))
    assert.same({ "executed", execution.id, true }, { data.status, data.execution.id, data.replayed })
  end)

  it("stays with a refused intent", function()
    local action = ledger.keyed()
    local draft = ledger.draft(g.agent, action)
    check.ok(g.admin:post("/drafts/" .. draft.id .. "/reject"))
    local data = check.ok(g.agent:post("/actions", action))
    assert.same({ "draft", true, draft.id, "canceled" },
      { data.status, data.replayed, data.draft.id, data.draft.status })
  end)

  it("is free again after a failure that applied nothing", function()
    local txn = ledger.make(open)
    local action = ledger.update(txn.id, { title = "A" }, { idempotencyKey = ledger.unique("key") })
    local draft = ledger.draft(g.agent, action)
    ledger.execute(open, ledger.update(txn.id, { title = "B" }))
    check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 409, "agent.precondition_failed")
    local again = ledger.draft(g.agent, action)
    assert.not_equal(draft.id, again.id)
    assert.equal("success", ledger.approve(g.admin, again).execution.status)
  end)

  it("belongs to its app: another's is another", function()
    local action = ledger.keyed { execute = true }
    local other = g:open_app().client
    local first, second = ledger.execute(open, action), ledger.execute(other, action)
    assert.not_equal(first.id, second.id)
    assert.equal(2, ledger.count(open, action.payload.title))
  end)

  it("belongs to its app, not to one of its keys", function()
    local app = g:open_app()
    local key = check.ok(g.admin:post("/apps/" .. app.app.id .. "/keys", { name = "second" }))
    local action = ledger.keyed { execute = true }
    local first = ledger.execute(app.client, action)
    local data = check.ok(g:agent_client(key.token):post("/actions", action))
    assert.equal(first.id, data.execution.id)
  end)

  it("may come in the header", function()
    local action, headers = ledger.create { execute = true }, { ["Idempotency-Key"] = ledger.unique("key") }
    local first = check.ok(open:post("/actions", action, headers))
    local second = check.ok(open:post("/actions", action, headers))
    assert.equal(first.execution.id, second.execution.id)
    assert.equal(headers["Idempotency-Key"], first.execution.idempotency_key)
    action.idempotencyKey = headers["Idempotency-Key"]
    assert.equal(first.execution.id, check.ok(open:post("/actions", action, headers)).execution.id)
    action.idempotencyKey = "another"
    check.refused(open:post("/actions", action, headers), 400, "common.validation")
  end)

  it("is 1 to 255 printable ASCII characters after trimming", function()
    for _, wrong in ipairs { ("k"):rep(256), "k\195\164", "a\tb", "a\nb" } do
      check.refused(open:post("/actions", ledger.create { idempotencyKey = wrong }), 400, "common.validation")
    end
    local long = ledger.unique("key")
    long = long .. ("k"):rep(255 - #long)
    assert.equal("draft", ledger.draft(open, ledger.create { idempotencyKey = long }).status)
    local action = ledger.keyed()
    local draft = ledger.draft(open, action)
    action.idempotencyKey = "  " .. action.idempotencyKey .. " "
    assert.equal(draft.id, ledger.draft(open, action).id)
  end)

  it("names the intent of its preflight as well", function()
    local action = ledger.keyed { execute = true }
    local flight = ledger.preflight(open, action)
    local first = ledger.execute(open, action)
    local by_handle = { action = action.action, preflightId = flight.preflightId, execute = true,
      idempotencyKey = action.idempotencyKey }
    assert.equal(first.id, check.ok(open:post("/actions", by_handle)).execution.id)
  end)

  it("outlives the gateway, killed without warning", function()
    local action, waiting = ledger.keyed { execute = true }, ledger.keyed()
    local first, draft = ledger.execute(open, action), ledger.draft(open, waiting)
    g:kill()
    g:restart()
    local data = check.ok(open:post("/actions", action))
    assert.same({ true, first.id }, { data.replayed, data.execution.id })
    assert.equal(draft.id, check.ok(open:post("/actions", waiting)).draft.id)
    action.payload.title = "other"
    check.refused(open:post("/actions", action), 409, "agent.idempotency_mismatch")
  end)
end)
