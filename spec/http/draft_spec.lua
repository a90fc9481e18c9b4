-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("a draft", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  it("shows the agent everything that was asked and decided", function()
    local action = ledger.create { justification = "Receipt 7", requestId = "req-of-mine" }
    local draft, data = ledger.draft(g.agent, action)
    check.members(draft, { "id", "app_id", "key_id", "action_type", "payload", "status", "requires_confirmation",
      "auto_execute_requested", "justification", "preflight_hash", "preflight_state_witness_hash", "created_at",
      "updated_at", "confirmed_at", "canceled_at", "expires_at", "seal", "policy", "approvals", "review", "failure" })
    assert.is_truthy(draft.id:find("^drf_%w+$"))
    assert.same({ g.credentials.app_id, g.credentials.key_id, "transaction.create", "draft", "Receipt 7" },
      { draft.app_id, draft.key_id, draft.action_type, draft.status, draft.justification })
    assert.equal(action.payload.title, draft.payload.title)
    assert.is_false(draft.auto_execute_requested)
    assert.equal(json.null, draft.confirmed_at)
    assert.equal(json.null, draft.review)
    assert.equal(json.null, draft.failure)
    assert.is_truthy(draft.seal:find("^%x+$") and #draft.seal == 64)
    assert.same({ 1, 0 }, { draft.approvals.required, draft.approvals.given })
    check.timestamp(draft.created_at)
    check.timestamp(draft.expires_at)
    assert.equal(json.null, data.autoExecuteDeniedCode)
    assert.equal(json.null, data.autoExecuteDenied)
  end)

  it("whose numbers are beyond 2^53 is listed, approved and recorded as any other", function()
    local body = json.encode(ledger.create(nil, { amount_home = 12345 }))
    for i, number in ipairs { "1e20", "92233720368547758070", "-92092071992547409.1", "9007199254740994", "1e21" } do
      local response = g.agent:request { method = "POST", path = "/actions", body = body:gsub("12345", number),
        headers = { ["Content-Type"] = "application/json" } }
      if i ~= 2 then
        local made = check.ok(response).draft
        assert.equal(tonumber(number) + 0.0, made.payload.amount_home + 0.0)
        assert.equal(made.payload.amount_home, check.ok(g.agent:get("/drafts/" .. made.id)).draft.payload.amount_home)
        assert.equal("success", ledger.approve(g.admin, made).execution.status)
      else
        check.refused(response, 400, "common.validation")
      end
    end
    check.ok(g.agent:get("/drafts", { limit = 500 }))
    check.ok(g.admin:get("/drafts", { limit = 500 }))
    check.ok(g.admin:get("/audit", { limit = 500 }))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("lives seven days", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local function day(text) return tonumber((text:sub(9, 10))) end
    local created = os.time { year = draft.created_at:sub(1, 4), month = draft.created_at:sub(6, 7),
      day = day(draft.created_at), hour = 12 }
    assert.equal(os.date("%Y-%m-%d", created + 7 * 86400), draft.expires_at:sub(1, 10))
  end)

  it("is what an action becomes without execute, and with forceDraft", function()
    local app = g:open_app()
    assert.equal("draft", ledger.draft(app.client, ledger.create()).status)
    assert.equal("draft", ledger.draft(app.client, ledger.create { execute = true, forceDraft = true }).status)
    assert.equal("draft", ledger.draft(app.client, ledger.create { execute = false }).status)
  end)

  it("is not made of a payload that the tool does not take", function()
    local before = #check.ok(g.agent:get("/drafts", { limit = 500 })).items
    local payloads = {
      { ledgerId = "ledger_main", kind = "gift" }, { ledgerId = json.null }, { title = "" }, { amount_home = "much" },
      { currency_home = "DOLLAR" }, { date = "tomorrow" }, { amount_home = "1e999" }, { notes = 7 },
    }
    for _, changes in ipairs(payloads) do
      check.refused(g.agent:post("/actions", ledger.create(nil, changes)), 400, "agent.action_invalid")
    end
    assert.equal(before, #check.ok(g.agent:get("/drafts", { limit = 500 })).items)
  end)

  it("is not made of an action that nobody knows, or a read", function()
    local payload = { ledgerId = "ledger_main" }
    check.refused(g.agent:post("/actions", { action = "transaction.launder", payload = payload }), 400,
      "agent.action_unknown")
    check.refused(g.agent:post("/actions", { action = "transaction.list", payload = payload }), 400,
      "agent.action_unknown")
    check.refused(g.agent:post("/preflight", { action = "nothing", payload = payload }), 400, "agent.action_unknown")
  end)

  it("says where a payload is wrong", function()
    local details = check.refused(g.agent:post("/actions", ledger.create(nil, { kind = "gift" })), 400,
      "agent.action_invalid")
    assert.is_string(details.issues[1].message)
    assert.equal("kind", details.issues[1].path[#details.issues[1].path])
  end)

  it("takes camel and snake names for the same, and refuses two that differ", function()
    local function send(payload)
      return g.agent:post("/actions", { action = "transaction.create", payload = payload })
    end
    local draft = check.ok(send { ledger_id = "ledger_main", kind = "expense", title = "t", amountHome = "1.50" }).draft
    assert.equal("confirmed", ledger.approve(g.admin, draft).draftStatus)
    check.refused(send { ledger_id = "ledger_main", ledgerId = "ledger_ops", kind = "expense", title = "t",
      amount_home = 1 }, 400)
  end)

  it("is unknown to every app but its own", function()
    local draft, other = ledger.draft(g.agent, ledger.create()), g:app().client
    local foreign = other:get("/drafts/" .. draft.id)
    check.refused(foreign, 404, "agent.draft_not_found")
    check.refused(other:post("/drafts/" .. draft.id .. "/cancel"), 404, "agent.draft_not_found")
    local none = other:get("/drafts/" .. draft.id:sub(1, -3) .. "00")
    check.refused(none, 404, "agent.draft_not_found")
    assert.equal(check.without_request_id(none), check.without_request_id(foreign))
  end)

  it("is known to another key of its app", function()
    local app = g:app()
    local key = check.ok(g.admin:post("/apps/" .. app.app.id .. "/keys", { name = "second" }))
    local draft = ledger.draft(app.client, ledger.create())
    assert.equal(draft.id, check.ok(g:agent_client(key.token):get("/drafts/" .. draft.id)).draft.id)
  end)

  it("can be canceled by the agent while it is pending, once", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local canceled = check.ok(g.agent:post("/drafts/" .. draft.id .. "/cancel", { reason = "a mistake" })).draft
    assert.equal("canceled", canceled.status)
    check.timestamp(canceled.canceled_at)
    check.refused(g.agent:post("/drafts/" .. draft.id .. "/cancel"), 400, "agent.draft_already_final")
    check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 400, "agent.draft_already_final")
  end)

  it("cannot be canceled when it was executed", function()
    local draft = ledger.draft(g.agent, ledger.create())
    ledger.approve(g.admin, draft)
    local details = check.refused(g.agent:post("/drafts/" .. draft.id .. "/cancel"), 400, "agent.draft_already_final")
    assert.equal(draft.id, details.draftId)
  end)

  it("is in the app's list, which can be narrowed and paged", function()
    local app = g:app()
    local made = {}
    for i = 1, 5 do
      made[i] = ledger.draft(app.client, ledger.create { idempotencyKey = "list-" .. i, requestId = "request-" .. i })
    end
    check.ok(app.client:post("/drafts/" .. made[2].id .. "/cancel"))
    local function ids(query)
      local list = {}
      for i, draft in ipairs(check.ok(app.client:get("/drafts", query)).items) do list[i] = draft.id end
      return list
    end
    assert.same({ made[5].id, made[4].id, made[3].id, made[2].id, made[1].id }, ids())
    assert.same({ made[2].id }, ids { status = "canceled" })
    assert.same({ made[3].id }, ids { idempotencyKey = "list-3" })
    assert.same({ made[4].id }, ids { requestId = "request-4" })
    local first = check.ok(app.client:get("/drafts", { limit = 2 }))
    assert.equal(2, #first.items)
    local second = check.ok(app.client:get("/drafts", { limit = 3, cursor = first.nextCursor }))
    assert.same({ made[3].id, made[1].id }, { second.items[1].id, second.items[3].id })
    assert.equal(json.null, second.nextCursor)
    check.refused(app.client:get("/drafts", { status = "lost" }), 400, "common.validation")
    for _, cursor in ipairs { "nonsense", "5", app.app.id } do
      check.refused(app.client:get("/drafts", { cursor = cursor }), 400, "common.validation")
    end
    check.refused(app.client:get("/drafts", { idempotencyKey = "  " }), 400, "common.validation")
  end)

  it("is canceled with its key, in the same moment", function()
    local app = g:app()
    local key = check.ok(g.admin:post("/apps/" .. app.app.id .. "/keys", { name = "second" }))
    local lost = ledger.draft(app.client, ledger.create())
    local kept = ledger.draft(g:agent_client(key.token), ledger.create())
    check.ok(g.admin:post("/keys/" .. app.key.id .. "/revoke"))
    local seen = check.ok(g.admin:get("/drafts/" .. lost.id)).draft
    assert.same({ "canceled", "agent.token_invalid" }, { seen.status, seen.failure.code })
    assert.equal("draft", check.ok(g.admin:get("/drafts/" .. kept.id)).draft.status)
    check.refused(g.admin:post("/drafts/" .. lost.id .. "/approve"), 400, "agent.draft_already_final")
  end)

  it("expires with its key if that is sooner", function()
    local app = g:app()
    local at = os.date("!%Y-%m-%dT%H:%M:%S.000Z", os.time() + 3600)
    local key = check.ok(g.admin:post("/apps/" .. app.app.id .. "/keys", { name = "hour", expiresAt = at }))
    assert.equal(at, ledger.draft(g:agent_client(key.token), ledger.create()).expires_at)
  end)

  it("cannot be one too many for its app", function()
    local app, requests = g:app(), {}
    for i = 1, 1001 do
      requests[i] = ledger.request(ledger.create())
    end
    local refused = 0
    for _, response in ipairs(require "spec.support.http".parallel(app.client, requests, 32)) do
      if response.status == 429 then
        refused = refused + 1
        assert.equal("pending_drafts", check.refused(response, 429, "agent.rate_limited").reason)
        assert.equal("60", response.headers["retry-after"])
      end
    end
    assert.equal(1, refused)
  end)
end)
