-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("a person's decision", function()
  local g, open

  setup(function()
    g = gateway.start()
    open = g:open_app().client
  end)
  teardown(function() gateway.stop(g) end)

  local function approve(draft, body, client)
    return (client or g.admin):post("/drafts/" .. draft.id .. "/approve", body)
  end

  local function status_of(draft)
    return check.ok(g.admin:get("/drafts/" .. draft.id)).draft.status
  end

  it("shows before it is made what would run", function()
    local txn = ledger.make(open)
    local draft = ledger.draft(g.agent, ledger.delete(txn.id))
    local seen = check.ok(g.admin:get("/drafts/" .. draft.id)).draft
    check.members(seen, { "actor_user_id", "request_id", "idempotency_key", "preflight", "preflight_state_witness",
      "policy_snapshot", "confirmed_by_user_id", "resources", "effect", "approvals", "decisions" })
    assert.equal("svc_org_demo", seen.actor_user_id)
    assert.equal(txn.title, seen.preflight.transaction.title)
    assert.equal(txn.id, seen.preflight_state_witness.id)
    assert.equal(txn.id, seen.resources[1].id)
    assert.is_truthy(json.encode(seen.effect):find("UPDATE transactions", 1, true))
  end)

  it("executes what was shown and says who confirmed it", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local data = ledger.approve(g.admin, draft, { note = "seen the receipt", reason = "fine" })
    check.members(data.execution, { "id", "draft_id", "app_id", "idempotency_key", "status", "result", "error",
      "created_at" })
    assert.same({ draft.id, "success", json.null }, { data.execution.draft_id, data.execution.status,
      data.execution.error })
    local whoami = check.ok(g.admin:get("/whoami"))
    local seen = check.ok(g.admin:get("/drafts/" .. draft.id)).draft
    assert.equal(whoami.user_id, seen.confirmed_by_user_id)
    check.timestamp(seen.confirmed_at)
  end)

  it("tells the agent the reason and keeps the note inside", function()
    local draft = ledger.draft(g.agent, ledger.create())
    check.ok(g.admin:post("/drafts/" .. draft.id .. "/reject", { note = "smells", reason = "no receipt" }))
    local response = g.agent:get("/drafts/" .. draft.id)
    assert.equal("no receipt", check.ok(response).draft.review.reason)
    assert.is_nil(response.text:find("smells", 1, true))
  end)

  it("counts once: a second approval or a rejection after it is refused", function()
    local action = ledger.create()
    local draft = ledger.draft(g.agent, action)
    ledger.approve(g.admin, draft)
    check.refused(approve(draft), 400, "agent.draft_already_final")
    check.refused(g.admin:post("/drafts/" .. draft.id .. "/reject"), 400, "agent.draft_already_final")
    assert.equal(1, ledger.count(g.agent, action.payload.title))
  end)

  it("is final: a rejected draft cannot be approved", function()
    local draft = ledger.draft(g.agent, ledger.create())
    check.ok(g.admin:post("/drafts/" .. draft.id .. "/reject"))
    check.refused(approve(draft), 400, "agent.draft_already_final")
  end)

  it("has one effect when many make it at once", function()
    local action = ledger.create()
    local draft, requests, won = ledger.draft(g.agent, action), {}, 0
    for i = 1, 16 do
      requests[i] = { method = "POST", path = "/drafts/" .. draft.id .. (i % 4 == 0 and "/reject" or "/approve") }
    end
    for _, response in ipairs(http.parallel(g.admin, requests, 16)) do
      won = won + (response.status == 200 and 1 or 0)
      assert.is_true(response.status < 500, response.text)
    end
    assert.is_true(won >= 1)
    local status = status_of(draft)
    assert.is_true(status == "confirmed" or status == "canceled")
    assert.equal(status == "confirmed" and 1 or 0, ledger.count(g.agent, action.payload.title))
  end)

  it("is refused for a draft that does not exist", function()
    check.refused(approve { id = "drf_none" }, 404, "agent.draft_not_found")
    check.refused(g.admin:get("/drafts/drf_none"), 404, "agent.draft_not_found")
  end)

  it("is given to a seal: another one is refused and the draft stays", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local details = check.refused(approve(draft, { seal = ("0"):rep(64) }), 409, "agent.precondition_failed")
    assert.equal("seal_mismatch", details.reason)
    assert.equal("draft", status_of(draft))
    assert.equal("confirmed", check.ok(approve(draft, { seal = draft.seal })).draftStatus)
  end)

  it("is not the agent's own person's to make", function()
    local own = g:person("svc_org_demo", { "reviewer" })
    local draft = ledger.draft(g.agent, ledger.create())
    check.refused(approve(draft, nil, own.client), 403, "agent.forbidden")
    assert.equal("draft", status_of(draft))
    assert.equal("confirmed", check.ok(approve(draft)).draftStatus)
  end)

  it("needs the role", function()
    local operator = g:person("user_operator", { "operator" })
    local draft = ledger.draft(g.agent, ledger.create())
    local details = check.refused(approve(draft, nil, operator.client), 403, "agent.forbidden")
    assert.same({ "reviewer" }, { table.unpack(details.missing) })
    assert.equal("draft", status_of(draft))
  end)

  it("cannot be made for an app that has lost the scope, until it has it again", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    check.ok(g.admin:patch("/apps/" .. app.app.id, { scopes = { "ledger.read" } }))
    check.refused(approve(draft), 403, "agent.scope_denied")
    assert.equal("draft", status_of(draft))
    check.ok(g.admin:patch("/apps/" .. app.app.id, { scopes = gateway.scopes }))
    assert.equal("confirmed", check.ok(approve(draft)).draftStatus)
  end)

  it("cannot be made for what the app's policy no longer permits", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/policy", { data = { allowed_ledger_ids = { "ledger_ops" } } }))
    check.refused(approve(draft), 403, "agent.policy_denied")
    assert.equal("draft", status_of(draft))
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/policy", json.object {}))
    assert.equal("confirmed", check.ok(approve(draft)).draftStatus)
  end)

  it("fails a draft whose object is gone, and applies nothing", function()
    local txn = ledger.make(open)
    local draft = ledger.draft(g.agent, ledger.update(txn.id, { title = "late" }))
    ledger.execute(open, { action = "transaction.hard_delete", payload = { transactionId = txn.id },
      justification = "A spec asks for it." })
    local response = approve(draft)
    assert.is_true(response.status == 409 or response.status == 403, response.text)
    check.refused(response, response.status)
    local seen = check.ok(g.agent:get("/drafts/" .. draft.id))
    assert.equal("failed", seen.draft.status)
    assert.is_string(seen.draft.failure.code)
    assert.is_nil(ledger.find(g.agent, txn.id))
  end)

  it("takes a blank seal for none that was shown", function()
    local draft = ledger.draft(g.agent, ledger.create())
    for _, seal in ipairs { "", "  " } do
      check.refused(approve(draft, { seal = seal }), 400, "common.validation")
    end
    assert.equal("draft", status_of(draft))
  end)

  it("names the draft whenever it is refused", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    local own = g:person("svc_org_demo", { "reviewer" }).client
    local viewer = g:person("watcher", { "viewer" }).client
    assert.equal(draft.id, check.refused(approve(draft, nil, own), 403, "agent.forbidden").draftId)
    assert.equal(draft.id, check.refused(approve(draft, nil, viewer), 403, "agent.forbidden").draftId)
    check.ok(g.admin:patch("/apps/" .. app.app.id .. "/policy", { data = { allowed_ledger_ids = { "ledger_ops" } } }))
    assert.equal(draft.id, check.refused(approve(draft), 403, "agent.policy_denied").draftId)
  end)

  it("executes outside every window", function()
    local draft = ledger.draft(g.agent, ledger.create { execute = true })
    assert.equal("confirmed", check.ok(approve(draft)).draftStatus)
  end)

  it("is in the list of what waits, and then no longer", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    local function waiting()
      return check.find(check.ok(g.admin:get("/drafts", { appId = app.app.id, status = "draft" })).items,
        { id = draft.id })
    end
    check.members(waiting(), { "id", "app_id", "action_type", "status", "requires_confirmation",
      "auto_execute_requested", "created_at", "updated_at", "confirmed_at", "canceled_at", "execution", "summary",
      "approvals", "expires_at" })
    ledger.approve(g.admin, draft)
    assert.is_nil(waiting())
  end)
end)
