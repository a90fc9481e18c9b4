-- SPDX-License-Identifier: MIT
local expect = require "spec.conformance.expect"
local http = require "spec.support.http"
local json = require "spec.support.json"
local kit = require "spec.conformance.kit"
local sha256 = require "spec.support.sha256"

describe("#writes", function()
  local t

  setup(function() t = kit.start(function(reason) pending(reason) end) end)
  teardown(function() kit.finish(t) end)

  local function confirmed(draft)
    local data = expect.ok(t:decide(draft))
    assert.equal("confirmed", data.draftStatus)
    return kit.settled(t:agent(), data.execution)
  end

  local function reject(draft)
    return t:reviewer():post("/drafts/" .. draft.id .. "/reject", json.object {})
  end

  describe("a draft", function()
    it("takes effect when it is approved, once", function()
      local action = t:create()
      local draft = kit.draft(t:agent(), action)
      assert.equal(0, t:effects(t:agent(), action))
      local execution = confirmed(draft)
      assert.same({ "success", draft.id }, { execution.status, execution.draft_id })
      assert.equal(1, t:effects(t:agent(), action))
      local seen = expect.ok(t:agent():get("/drafts/" .. draft.id))
      assert.same({ "confirmed", execution.id }, { seen.draft.status, seen.execution.id })
      assert.is_string(seen.draft.confirmed_at)
      expect.refused(t:decide(draft), 400, "agent.draft_already_final")
      expect.refused(reject(draft), 400, "agent.draft_already_final")
      assert.equal(1, t:effects(t:agent(), action))
    end)

    it("never takes effect when it is rejected", function()
      local action = t:create()
      local draft = kit.draft(t:agent(), action)
      local data = expect.ok(reject(draft))
      assert.same({ true, "canceled" }, { data.ok, data.draft.status })
      expect.refused(t:decide(draft), 400, "agent.draft_already_final")
      local seen = expect.ok(t:agent():get("/drafts/" .. draft.id))
      assert.same({ "canceled", json.null }, { seen.draft.status, seen.execution })
      assert.equal(0, t:effects(t:agent(), action))
    end)

    it("is shown to the people who decide", function()
      local app = t:app()
      local draft = kit.draft(app.client, t:create())
      local items = t:pending_drafts(app.app.id)
      assert.same({ 1, draft.id }, { #items, items[1].id })
      expect.members(items[1], { "id", "app_id", "action_type", "status", "requires_confirmation",
        "auto_execute_requested", "created_at", "updated_at", "confirmed_at", "canceled_at", "execution" })
      local seen = expect.ok(t:admin():get("/drafts/" .. draft.id))
      expect.members(seen, { "draft", "execution" })
      expect.members(seen.draft, expect.draft_members)
      expect.members(seen.draft, { "actor_user_id", "request_id", "idempotency_key", "preflight",
        "preflight_state_witness", "policy_snapshot", "confirmed_by_user_id" })
    end)

    it("that nobody knows cannot be decided", function()
      for _, verb in ipairs { "approve", "reject" } do
        local response = t:reviewer():post("/drafts/drf_none/" .. verb, json.object {})
        expect.refused(response, 404, { "agent.draft_not_found", "agent.not_found" })
      end
    end)

    it("cannot be approved after its app was revoked", function()
      local app = t:app()
      local action = t:create()
      local draft = kit.draft(app.client, action)
      expect.ok(t:admin():post("/apps/" .. app.app.id .. "/revoke", json.object {}))
      expect.refused(t:decide(draft), { 400, 401, 403, 404 })
      assert.equal(0, t:effects(t:agent(), action))
    end)

    it("is what forceDraft asks for, whatever the windows say", function()
      local action = t:create { execute = true, forceDraft = true }
      kit.draft(t:open(), action)
      assert.equal(0, t:effects(t:open(), action))
    end)
  end)

  describe("executing at once", function()
    local past <const> = "2020-01-01T00:00:00.000Z"

    local function section()
      return t:tool("create").risk == "high" and "high_risk" or "writes"
    end

    it("is what an open window permits", function()
      local action = t:create { idempotencyKey = t:word() }
      local execution, data = t:execute(t:open(), action)
      assert.same({ execution.draft_id, "confirmed" }, { data.draft.id, data.draft.status })
      assert.equal(action.idempotencyKey, execution.idempotency_key)
      assert.equal(1, t:effects(t:open(), action))
    end)

    it("is off until a window is opened, and again when it is shut", function()
      local app, action = t:app(), t:create()
      assert.equal("agent.auto_execute_disabled", kit.denied(app.client, action))
      assert.equal(0, t:effects(t:agent(), action))
      assert.is_true(t:set_windows(app, kit.open_windows)[section()].enabled)
      t:execute(app.client, t:create())
      t:set_windows(app, { [section()] = { enabled = false } })
      assert.equal("agent.auto_execute_disabled", kit.denied(app.client, t:create()))
    end)

    it("is denied when the window's end is past", function()
      local app = t:app { auto_execute = { [section()] = { enabled = true, expires_at = past } } }
      local action = t:create()
      assert.equal("agent.auto_execute_expired", kit.denied(app.client, action))
      assert.equal(0, t:effects(t:agent(), action))
    end)

    it("is denied to actions that the window does not list", function()
      local app = t:app { auto_execute = { [section()] = { enabled = true, allowed_actions = json.array {} } } }
      local action = t:create()
      assert.equal("agent.auto_execute_denied", kit.denied(app.client, action))
      assert.equal(0, t:effects(t:agent(), action))
    end)

    it("needs the safeguards of high risk, and names the first that is missing", function()
      if t:tool("remove").risk ~= "high" then
        t.skip("the fixture's remove is not of high risk")
      end
      local app, action = t:app { auto_execute = { high_risk = { enabled = true } } }, t:action("remove", t:make())
      local why = action.justification
      action.justification = nil
      assert.equal("agent.action_invalid", kit.denied(app.client, action))
      action.justification = why
      assert.equal("agent.idempotency_required", kit.denied(app.client, action))
      action.idempotencyKey = t:word()
      assert.equal("agent.preflight_required", kit.denied(app.client, action))
      action.idempotencyKey = t:word()
      action.preflightId = kit.preflight(app.client, action).preflightId
      t:execute(app.client, action)
    end)

    it("of low and high risk goes by windows of their own", function()
      if t:tool("remove").risk ~= "high" or t:tool("create").risk == "high" then
        t.skip("the fixture's create and remove are not of different risk")
      end
      local app, remove = t:app { auto_execute = { writes = { enabled = true } } }, t:action("remove", t:make())
      assert.equal("agent.auto_execute_disabled", kit.denied(app.client, remove))
    end)
  end)

  describe("an idempotency key", function()
    it("gives a repeated success the recorded outcome, and no second effect", function()
      local action = t:create { idempotencyKey = t:word(), execute = true }
      local first = t:execute(t:open(), action)
      for _ = 1, 3 do
        local data = expect.ok(t:open():post("/actions", action))
        assert.same({ "executed", true, "agent.idempotency_replay", first.id },
          { data.status, data.replayed, data.code, data.execution.id })
        assert.equal(json.encode(first.result), json.encode(data.execution.result))
      end
      assert.equal(1, t:effects(t:open(), action))
    end)

    it("is refused for another intent", function()
      local key = t:word()
      t:execute(t:open(), t:create { idempotencyKey = key })
      local other = t:create { idempotencyKey = key, execute = true }
      expect.refused(t:open():post("/actions", other), 409, "agent.idempotency_mismatch")
      assert.equal(0, t:effects(t:open(), other))
    end)

    it("makes of requests at the same time one effect", function()
      local action = t:create { idempotencyKey = t:word(), execute = true }
      local requests, ids = {}, {}
      for i = 1, 16 do
        requests[i] = { method = "POST", path = "/actions", json = action }
      end
      for _, response in ipairs(http.parallel(t:open(), requests, 16)) do
        if response.status == 200 then
          local data = expect.ok(response)
          assert.equal("executed", data.status)
          ids[data.execution.id] = true
          t:remember(data.execution)
        else
          expect.refused(response, 409, "agent.idempotency_in_progress")
        end
      end
      assert.is_not_nil(next(ids), "no request was answered with the outcome")
      assert.is_nil(next(ids, (next(ids))), "there was more than one execution")
      assert.equal(1, t:effects(t:open(), action))
    end)

    it("gives a repeat the outcome of an approval", function()
      local action = t:create { idempotencyKey = t:word() }
      local execution = confirmed(kit.draft(t:agent(), action))
      local data = expect.ok(t:agent():post("/actions", kit.merge({ execute = true }, action)))
      assert.same({ "executed", true, execution.id }, { data.status, data.replayed, data.execution.id })
      assert.equal(1, t:effects(t:agent(), action))
    end)

    it("of a draft never makes two effects", function()
      local action = t:create { idempotencyKey = t:word() }
      local first = kit.draft(t:agent(), action)
      local again, data = kit.draft(t:agent(), action)
      -- Not every server replays drafts; one that does must mean the same.
      assert.is_true(not data.replayed or again.id == first.id)
      confirmed(first)
      if again.id ~= first.id then
        expect.envelope(t:decide(again))
      end
      assert.equal(1, t:effects(t:agent(), action))
    end)
  end)

  describe("a preflight", function()
    it("has an impact hash that anyone can compute again", function()
      local action = t:create()
      local flight = kit.preflight(t:agent(), action)
      local intent = { action = action.action, payload = action.payload, impact = flight.impact }
      assert.equal(sha256(json.encode(intent)), flight.impactHash)
    end)

    it("has no effect and makes no draft", function()
      local app = t:app { auto_execute = kit.open_windows }
      local action = t:create()
      kit.preflight(app.client, action)
      assert.equal(0, t:effects(app.client, action))
      assert.equal(0, #t:pending_drafts(app.app.id))
    end)

    it("is bound to the draft that is made with it", function()
      local action = t:create()
      local flight = kit.preflight(t:agent(), action)
      action.preflightId = flight.preflightId
      assert.equal(flight.impactHash, kit.draft(t:agent(), action).preflight_hash)
    end)

    it("can stand for its payload", function()
      local action = t:create()
      local flight = kit.preflight(t:open(), action)
      t:execute(t:open(), { action = action.action, preflightId = flight.preflightId,
        justification = action.justification })
      assert.equal(1, t:effects(t:open(), action))
    end)

    -- The answer is the refusal, or a draft that says so; either way nothing happened.
    local function not_executed(client, action, code)
      local response = client:post("/actions", kit.merge({ execute = true }, action))
      if response.status == 200 then
        local data = expect.ok(response)
        assert.same({ "draft", code }, { data.status, data.autoExecuteDeniedCode })
      else
        expect.refused(response, 400, code)
      end
      assert.equal(0, t:effects(t:open(), action))
    end

    it("never covers a payload that was swapped after it", function()
      local shown = t:create()
      local other = t:create { preflightId = kit.preflight(t:open(), shown).preflightId }
      not_executed(t:open(), other, "agent.preflight_mismatch")
      assert.equal(0, t:effects(t:open(), shown))
    end)

    it("never covers another action", function()
      local create = t:create()
      local id = t:make()
      create.preflightId = kit.preflight(t:open(), t:action("remove", id)).preflightId
      create.payload = nil
      not_executed(t:open(), create, "agent.preflight_mismatch")
    end)

    it("is refused when it is unknown or another key's", function()
      local app = t:app { auto_execute = kit.open_windows }
      local action = t:create()
      local flight = kit.preflight(t:key(app).client, action)
      for _, id in ipairs { flight.preflightId, "pfl_none" } do
        not_executed(app.client, kit.merge(action, { preflightId = id }), "agent.preflight_not_found")
      end
    end)
  end)
end)
