-- SPDX-License-Identifier: MIT
-- An effect that is a request: shown as data, sent at most once, and what each answer makes of the execution.
local check = require "spec.support.check"
local crm = require "spec.support.crm"
local gateway = require "spec.support.gateway"
local socket = require "socket"

describe("an effect over HTTP", function()
  local up

  setup(function() up = crm.start() end)
  teardown(function() crm.stop(up) end)
  before_each(function() up:mode {} end)

  local function draft_of(action)
    local data = check.ok(up.agent:post("/actions", action))
    assert.equal("draft", data.status)
    return data.draft
  end

  local function approve(draft) return up.g.admin:post("/drafts/" .. draft.id .. "/approve", {}) end

  local function order_of(id) return check.ok(up.agent:get("/order", { orderId = id })).order end

  -- Fails unless the execution under the action's key has this status, and the system saw this.
  local function assert_seen(action, status, sent, applied)
    local effect_id, is = up:effect_id(action.idempotencyKey)
    assert.same({ status, sent, applied }, { is, up:counts(effect_id) })
    up:assert_once()
  end

  local function assert_refused(action, reason)
    assert.equal(reason, check.refused(up.agent:post("/actions", action), 409, "agent.precondition_failed").reason)
  end

  it("is sent once under the effect's id, and answered with what the system said", function()
    local action = crm.cancel()
    local data = up:executes(action)
    local effect_id = up:effect_id(action.idempotencyKey)
    assert.equal("success", data.execution.status)
    assert.same({ effect_id, "canceled", 2 },
      { data.execution.result.effect, data.execution.result.order.status, data.execution.result.order.version })
    assert_seen(action, "success", 1, 1)
    assert.is_true(check.ok(up.agent:post("/actions", action)).replayed)
    assert_seen(action, "success", 1, 1)
  end)

  it("is of the caller's trace, as what was read for it", function()
    local trace = ("%032x"):format(0x7e57)
    local header = { traceparent = ("00-%s-%016x-01"):format(trace, 1) }
    check.ok(up.agent:request { method = "POST", path = "/actions", json = crm.cancel(), headers = header })
    local of_action = up:seen().traces[trace]
    assert.is_true(of_action >= 2, "the order is read, and canceled")
    check.ok(up.agent:get("/order", { orderId = "o1" }, header))
    assert.is_true(up:seen().traces[trace] > of_action)
  end)

  it("is data that a reviewer sees, its symbols not yet bound, and runs as it was approved", function()
    local action = crm.cancel(nil, { execute = false })
    local draft = draft_of(action)
    local shown = check.ok(up.g.admin:get("/drafts/" .. draft.id)).draft
    assert.same({
      upstream = "crm", method = "POST", path = { "orders", action.payload.orderId, "cancel" }, if_match = '"v1"',
      json = { status = "canceled", reason = "Spec", at = { ["$host"] = "now" }, effect = { ["$host"] = "effect_id" } },
      outcome = { ["409"] = "stale" },
      receipt = { get = { "effects", { ["$host"] = "effect_id" } }, settle = 1 },
      result = { order = { ["$from"] = { "answer", "order" } }, effect = { ["$host"] = "effect_id" } },
    }, shown.effect)
    local data = check.ok(approve(draft))
    assert.same({ "confirmed", "success" }, { data.draftStatus, data.execution.status })
    assert_seen(action, "success", 1, 1)
  end)

  it("is not sent when the state has changed between draft and approval", function()
    local action = crm.cancel(nil, { execute = false })
    local draft = draft_of(action)
    up:touch(action.payload.orderId)
    local details = check.refused(approve(draft), 409, "agent.precondition_failed")
    assert.equal("state_witness_mismatch", details.reason)
    assert.equal("failed", check.ok(up.agent:get("/drafts/" .. draft.id)).draft.status)
    assert.is_nil(up:effect_id(action.idempotencyKey))
  end)

  it("does not meet a state that changed after it was read", function()
    local action = crm.cancel()
    up:mode { read = "touch" }
    assert_refused(action, "state_changed")
    assert_seen(action, "failed", 1, 0)
  end)

  it("fails as stale where the system says so, and a weak ETag matches nothing", function()
    local action = crm.cancel()
    up:mode { before = 412 }
    assert_refused(action, "state_changed")
    assert_seen(action, "failed", 1, 0)
    action = crm.cancel()
    up:mode { before = 409 }
    assert_refused(action, "state_changed")
    up:mode { weak = true }
    action = crm.cancel()
    assert_refused(action, "state_changed")
    assert_seen(action, "failed", 0, 0)
  end)

  it("fails as a conflict where the system refuses it, and its key is free again", function()
    local action = crm.cancel()
    up:mode { before = 422 }
    assert_refused(action, "conflict")
    assert_seen(action, "failed", 1, 0)
    up:mode {}
    assert.equal("success", up:executes(action).execution.status)
    assert_seen(action, "success", 1, 1)
  end)

  it("fails, surely not applied, where the system cannot be reached", function()
    local action = crm.cancel(nil, { execute = false })
    local draft = draft_of(action)
    local other = crm.cancel()
    up:kill_server()
    check.refused(up.agent:post("/actions", other), 502, "agent.execution_failed")
    check.refused(approve(draft), 502, "agent.execution_failed")
    assert.equal("draft", check.ok(up.agent:get("/drafts/" .. draft.id)).draft.status)
    up:start_server()
    assert.equal("success", check.ok(approve(draft)).execution.status)
  end)

  it("fails, surely not applied, where the system is gone when it is to be sent, and can be tried again", function()
    local action = crm.cancel()
    up:mode { read = "last" }
    local response = up.agent:post("/actions", action)
    check.refused(response, 502, "agent.execution_failed")
    assert.equal("5", response.headers["retry-after"])
    assert.equal("failed", select(2, up:effect_id(action.idempotencyKey)))
    up:kill_server()
    up:start_server()
    assert.equal("success", up:executes(action).execution.status)
  end)

  it("is a success by its receipt, when the answer is lost after the effect", function()
    for _, how in ipairs { "close", "hang", 500, 429 } do
      local action = crm.cancel()
      up:mode { after = how }
      local data = up:executes(action)
      assert.same({ "success", 2 }, { data.execution.status, data.execution.result.order.version })
      assert_seen(action, "success", 1, 1)
    end
  end)

  it("is unknown without a receipt, is listed, blocks its intent, and has failed when that has settled", function()
    local action = crm.cancel()
    up:mode { before = "close" }
    local details = check.refused(up.agent:post("/actions", action), 504, "agent.execution_unknown")
    assert_seen(action, "unknown", 1, 0)
    local unknown = check.ok(up.agent:get("/drafts", { executionStatus = "unknown", limit = 500 })).items
    assert.equal(1, check.count(unknown, { id = details.draftId }))
    check.refused(up.agent:post("/actions", action), 504, "agent.execution_unknown")
    up:mode {}
    local again = crm.cancel(action.payload.orderId)
    check.refused(up.agent:post("/actions", again), 409, "agent.precondition_failed")
    gateway.eventually("its absence counts", function()
      return select(2, up:effect_id(action.idempotencyKey)) == "failed"
    end)
    assert_seen(action, "failed", 1, 0)
    assert.equal("success", up:executes(again).execution.status)
    assert.equal("canceled", order_of(action.payload.orderId).status)
  end)

  it("is unknown while its receipt cannot be asked for, and then a success with its result", function()
    local action = crm.cancel()
    up:mode { after = "close", receipt = 500 }
    check.refused(up.agent:post("/actions", action), 504, "agent.execution_unknown")
    assert_seen(action, "unknown", 1, 1)
    up:mode { receipt = "hang" }
    up:mode {}
    gateway.eventually("its receipt is found", function()
      return select(2, up:effect_id(action.idempotencyKey)) == "success"
    end)
    local data = check.ok(up.agent:post("/actions", action))
    assert.same({ true, 2 }, { data.replayed, data.execution.result.order.version })
    assert_seen(action, "success", 1, 1)
  end)

  it("is resolved by an operator where its receipt says nothing", function()
    local action = crm.cancel()
    up:mode { before = "close", receipt = 500 }
    local details = check.refused(up.agent:post("/actions", action), 504, "agent.execution_unknown")
    local answer = check.ok(up.g.admin:post("/drafts/" .. details.draftId .. "/resolve",
      { outcome = "not_applied", note = "Looked into the system." }))
    assert.equal("failed", answer.execution.status)
    assert_seen(action, "failed", 1, 0)
  end)

  it("keeps no other request waiting while a silent system is asked for what an operator resolves", function()
    local actions, waiting, socks = {}, {}, {}
    up:mode { before = "close", receipt = 500 }
    for i = 1, 8 do
      actions[i] = crm.cancel()
      local details = check.refused(up.agent:post("/actions", actions[i]), 504, "agent.execution_unknown")
      waiting[i] = { method = "POST", path = "/drafts/" .. details.draftId .. "/resolve",
        json = { outcome = "not_applied", note = "Looked into the system." } }
    end
    local asked = up:seen().asked
    up:mode { receipt = "hang" }
    for i = 1, 8 do
      waiting[i] = up.g.admin:start(waiting[i])
      socks[i] = waiting[i].connection.sock
    end
    gateway.eventually("the system is asked", function() return up:seen().asked >= asked + 8 end)
    check.ok(up.agent:get("/manifest"))
    assert.equal(0, #socket.select(socks, nil, 0), "the others were answered first")
    for i = 1, 8 do
      assert.equal("failed", check.ok(waiting[i]:finish()).execution.status)
      assert_seen(actions[i], "failed", 1, 0)
    end
  end)

  it("has one effect for each of fifty that run at once, and for fifty equal ones", function()
    local waiting, actions, same = {}, {}, crm.cancel()
    for i = 1, 50 do
      actions[i] = crm.cancel()
      waiting[i] = up.agent:start { method = "POST", path = "/actions", json = actions[i] }
      waiting[50 + i] = up.agent:start { method = "POST", path = "/actions", json = same }
    end
    for i = 1, 100 do
      local response = waiting[i]:finish()
      assert.is_true(response.status == 200 or response.status == 409, response.text)
    end
    for i = 1, 50 do assert_seen(actions[i], "success", 1, 1) end
    assert_seen(same, "success", 1, 1)
  end)

  it("keeps no other request waiting while a system is silent", function()
    local waiting = up:hangs({ before = "hang" }, 20, function()
      return { method = "POST", path = "/actions", json = crm.cancel() }
    end)
    for i = 1, 20 do check.refused(waiting[i]:finish(), 504, "agent.execution_unknown") end
  end)

  it("means what its own functions say", function()
    local action = crm.ship()
    assert.equal("shipped", up:executes(action).execution.result.order.status)
    assert_seen(action, "success", 1, 1)
    action = crm.ship()
    up:mode { before = 503 }
    assert_refused(action, "conflict")
    assert_seen(action, "failed", 1, 0)
  end)

  it("is known by a receipt that its own function reads, at once and later", function()
    local action = crm.ship()
    up:mode { after = "close" }
    local result = up:executes(action).execution.result
    assert.same({ "shipped", action.payload.orderId }, { result.order.status, result.order.id })
    assert.is_number(result.total)
    assert_seen(action, "success", 1, 1)

    action = crm.ship()
    up:mode { after = "close", receipt = 500 }
    check.refused(up.agent:post("/actions", action), 504, "agent.execution_unknown")
    assert_seen(action, "unknown", 1, 1)
    up:mode {}
    gateway.eventually("its receipt is found", function()
      return select(2, up:effect_id(action.idempotencyKey)) == "success"
    end)
    assert.is_number(check.ok(up.agent:post("/actions", action)).execution.result.total)

    action = crm.ship()
    up:mode { before = "close" }
    check.refused(up.agent:post("/actions", action), 504, "agent.execution_unknown")
    up:mode {}
    gateway.eventually("its absence counts", function()
      return select(2, up:effect_id(action.idempotencyKey)) == "failed"
    end)
    assert_seen(action, "failed", 1, 0)
  end)

  it("takes no word from an agent for a symbol", function()
    local action = crm.cancel(nil, { payload = { orderId = "o1", reason = ":now" } })
    check.refused(up.agent:post("/actions", action), 400, "agent.action_invalid")
  end)
end)
