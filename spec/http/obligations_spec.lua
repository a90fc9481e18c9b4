-- SPDX-License-Identifier: MIT
-- What rules count, raise and preview on a running gateway, and what they do to drafts that are older than they are.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

describe("a rule", function()
  local g

  setup(function() g = policies.start() end)
  teardown(function() policies.stop(g) end)

  local function act(client, action)
    action = action or ledger.create()
    action.execute = true
    return check.ok(client:post("/actions", action))
  end

  local function executed(client, times)
    for i = 1, times do
      assert.equal("executed", act(client).status, "action " .. i)
    end
  end

  local function over(client)
    local data = act(client)
    assert.same({ "draft", "agent.auto_execute_denied" }, { data.status, data.autoExecuteDeniedCode })
    return data.draft
  end

  local function limit(by)
    g:in_force(([[{ name = "two", tools = { "transaction.create" }, decide = function()
      return allow { limit = { count = 2, per = 3600, by = %q } } end }]]):format(by))
  end

  it("counts an app's executions by recent, with a glob and without, and not the drafts", function()
    g:in_force [[{ name = "three", tools = { "transaction.*" }, decide = function(request)
      if request.phase == "read" then return end
      local creates = request.recent { tool = "transaction.create", seconds = 3600 }
      local all, other = request.recent { seconds = 3600 }, request.recent { tool = "ledger.*", seconds = 3600 }
      if other ~= 0 then return deny("Counted what was not there.") end
      if creates >= 2 then return draft(creates .. " of " .. all) end
    end }]]
    local app = g:open_app()
    ledger.draft(app.client, ledger.create())
    executed(app.client, 2)
    local data = act(app.client)
    assert.same({ "2 of 2" }, data.draft.policy.reasons)
    executed(g:open_app().client, 1)
  end)

  it("counts in a window of time that ends", function()
    g:in_force [[{ name = "brief", tools = { "transaction.create" }, decide = function()
      return allow { limit = { count = 1, per = 1 } } end }]]
    local app = g:open_app()
    executed(app.client, 1)
    gateway.eventually("room for another", function() return act(app.client).status == "executed" end)
  end)

  it("limits an app whatever key it uses", function()
    limit "app"
    local app = g:open_app()
    executed(app.client, 2)
    local rotated = check.ok(g.admin:post("/keys/" .. app.key.id .. "/rotate"))
    over(g:agent_client(rotated.token))
    executed(g:open_app().client, 2)
  end)

  it("limits a key", function()
    limit "key"
    local app = g:open_app()
    executed(app.client, 2)
    local draft = over(app.client)
    local response = g.admin:post("/drafts/" .. draft.id .. "/approve")
    assert.equal("limit", check.refused(response, 429, "agent.rate_limited").reason)
    assert.is_truthy(response.headers["ratelimit-policy"]:find('^"limit";q=%d+;w=%d+$'))
    local rotated = check.ok(g.admin:post("/keys/" .. app.key.id .. "/rotate"))
    executed(g:agent_client(rotated.token), 2)
    over(g:agent_client(rotated.token))
  end)

  it("limits who is acted for, across apps", function()
    limit "actor"
    local function app(user) return g:open_app({ service_user_id = user }).client end
    local first = app("svc_one")
    executed(first, 2)
    over(app("svc_one"))
    executed(app("svc_two"), 2)
  end)

  it("limits a tool for everybody", function()
    g:in_force [[{ name = "ten updates", tools = { "transaction.update" }, decide = function()
      return allow { limit = { count = 2, per = 3600, by = "tool" } } end }]]
    local one, two = g:open_app().client, g:open_app().client
    local id = ledger.make(one).id
    assert.equal("executed", act(one, ledger.update(id, { title = "A" })).status)
    assert.equal("executed", act(two, ledger.update(id, { title = "B" })).status)
    assert.equal("draft", act(one, ledger.update(id, { title = "C" })).status)
    assert.equal("draft", act(two, ledger.update(id, { title = "D" })).status)
    executed(one, 1)
  end)

  it("counts the tools that a limit names", function()
    g:in_force [[{ name = "changes", tools = { "transaction.update" }, decide = function()
      return allow { limit = { count = 2, per = 3600, tools = { "transaction.*" } } } end }]]
    local app = g:open_app().client
    local id = ledger.make(app).id
    assert.equal("executed", act(app, ledger.update(id, { title = "A" })).status)
    assert.equal("draft", act(app, ledger.update(id, { title = "B" })).status)
    executed(app, 1)
  end)

  it("shows in a preflight what would come of it", function()
    g:in_force [[{ name = "preview", tools = { "transaction.*" }, decide = function(request)
      if request.phase == "read" then return end
      local title = request.payload.title
      if title == "denied" then return deny("Never.", { tag = "never" }) end
      if title == "drafted" then return draft("A person looks.") end
      return allow { require = { "idempotency", "justification" } }
    end }]]
    local app = g:open_app().client
    local function flight(title)
      local action = ledger.create(nil, { title = title })
      return app:post("/preflight", { action = action.action, payload = action.payload })
    end
    local drafted = check.ok(flight "drafted").decision
    assert.same({ "draft", { "agent.auto_execute_denied" }, { "A person looks." } },
      { drafted.mode, drafted.codes, drafted.reasons })
    local fine = check.ok(flight "fine").decision
    assert.same({ "execute", { "justification", "idempotency" } }, { fine.mode, fine.requires })
    assert.equal("never", check.refused(flight "denied", 403, "agent.policy_denied").tag)
  end)

  it("shows in a preflight that the window is closed", function()
    g:in_force [[{ name = "far", tools = { "transaction.create" }, window = function()
      return between { from = "2999-01-01T00:00:00Z", to = "2999-01-02T00:00:00Z" } end }]]
    local action = ledger.create()
    local flight = g:open_app().client:post("/preflight", { action = action.action, payload = action.payload })
    local decision = check.ok(flight).decision
    assert.same({ "draft", { "agent.auto_execute_window_closed" } }, { decision.mode, decision.codes })
  end)

  local function now_of(client, name)
    return check.find(check.ok(client:get("/manifest")).tools, { name = name }).now
  end

  it("shows in the manifest until when its window is open, and when it opens", function()
    local window = [[{ name = "w", tools = { "transaction.create" },
      window = function() return between { from = %q, to = %q } end }]]
    local app = g:open_app().client
    local ends = os.date("!%Y-%m-%dT%H:%M:%S", os.time() + 600) -- before the app's own window does
    g:in_force(window:format("2020-01-01T00:00:00Z", ends .. "Z"))
    local now = now_of(app, "transaction.create")
    assert.same({ "execute", true, ends .. ".000Z" }, { now.mode, now.window.open, now.window["until"] })
    g:in_force(window:format("2999-01-01T00:00:00Z", "2999-02-01T00:00:00Z"))
    now = now_of(app, "transaction.create")
    assert.same({ "draft", "agent.auto_execute_window_closed", false, "2999-01-01T00:00:00.000Z" },
      { now.mode, now.code, now.window.open, now.window.opensAt })
    assert.equal("execute", now_of(app, "transaction.update").mode)
    g:in_force [[{ name = "n", tools = { "transaction.create" },
      window = function() return never("Not this year.") end }]]
    now = now_of(app, "transaction.create")
    assert.same({ "draft", nil }, { now.mode, now.window.opensAt })
    assert.equal("Not this year.", act(app).autoExecuteDenied.reason)
  end)

  it("that lists an action as a draft makes it one, with its reason, until a person approves", function()
    g:in_force [[{ name = "shown", tools = { "transaction.*" },
      discover = function() return draft("People look at these.") end }]]
    local app = g:open_app()
    assert.equal("draft", now_of(app.client, "transaction.create").mode)
    local action = ledger.create()
    local flight = ledger.preflight(app.client, action)
    assert.same({ "draft", { "People look at these." } }, { flight.decision.mode, flight.decision.reasons })
    local data = act(app.client)
    assert.same({ "draft", "People look at these." }, { data.status, data.autoExecuteDenied.reason })
    check.ok(app.client:get("/transactions", { ledgerId = "ledger_main" }))
    local approved = check.ok(g.admin:post("/drafts/" .. data.draft.id .. "/approve"))
    assert.equal("success", approved.execution.status)
  end)

  it("shows in the manifest a window that ends while one looks", function()
    local ends = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 2)
    g:in_force(([[{ name = "brief", tools = { "transaction.create" },
      window = function() return between { from = "2020-01-01T00:00:00Z", to = %q } end }]]):format(ends))
    local app = g:open_app().client
    assert.equal("execute", now_of(app, "transaction.create").mode)
    gateway.eventually("the end", function() return now_of(app, "transaction.create").mode == "draft" end)
  end)

  it("raises the number of people while they approve", function()
    g:in_force ""
    local draft = ledger.draft(g:app().client, ledger.create())
    assert.equal(1, draft.approvals.required)
    g:in_force [[{ name = "more", tools = { "transaction.create" }, decide = function(request)
      if request.phase == "approve" then
        return draft("More people.", { approvals = request.draft.approvals_given + 2 })
      end
    end }]]
    local anna, bert = g:person("anna", { "reviewer" }).client, g:person("bert", { "reviewer" }).client
    local path = "/drafts/" .. draft.id .. "/approve"
    local first = check.ok(anna:post(path))
    assert.same({ "draft", { required = 2, given = 1 } }, { first.draftStatus, first.approvals })
    local second = check.ok(bert:post(path))
    assert.same({ "draft", { required = 3, given = 2 } }, { second.draftStatus, second.approvals })
    g:in_force ""
    local carla = g:person("carla", { "reviewer" }).client
    assert.equal("success", check.ok(carla:post(path)).execution.status)
  end)

  it("that asks for two people when it executes keeps the first one's approval", function()
    g:in_force [[{ name = "late", tools = { "transaction.create" }, decide = function(request)
      if request.phase == "execute" then return draft("Two.", { approvals = 2 }) end
    end }]]
    local draft = ledger.draft(g:app().client, ledger.create())
    local anna, bert = g:person("dora", { "reviewer" }).client, g:person("emil", { "reviewer" }).client
    local path = "/drafts/" .. draft.id .. "/approve"
    assert.same({ required = 2, given = 1 }, check.ok(anna:post(path)).approvals)
    assert.equal("success", check.ok(bert:post(path)).execution.status)
  end)

  it("tells the reviewer why not, and another reviewer may", function()
    g:in_force [[{ name = "boss", tools = { "transaction.create" }, decide = function(request)
      if request.phase == "approve" and request.reviewer.user_id ~= "boss" then return deny("The boss decides.") end
    end }]]
    local draft = ledger.draft(g:app().client, ledger.create())
    local path = "/drafts/" .. draft.id .. "/approve"
    local refused = g.admin:post(path)
    check.refused(refused, 403, "agent.policy_denied")
    assert.equal("The boss decides.", refused.body.message)
    assert.equal("success", check.ok(g:person("boss", { "reviewer" }).client:post(path)).execution.status)
  end)

  describe("judging drafts that are older", function()
    local amount = [[{ name = "bound", tools = { "transaction.update" },
      witness = function(_, state) return { amount = state.amount_home } end }, -- %d]]

    local function draft_of_update()
      local app = g:open_app().client
      local made = ledger.make(app)
      local draft = ledger.draft(g:app().client, ledger.update(made.id, { title = "Later" }))
      return draft, made, app
    end

    local function approve(draft) return g.admin:post("/drafts/" .. draft.id .. "/approve") end

    it("lets the whole state stand in for its facts when nothing has changed", function()
      g:in_force(amount:format(1))
      local draft = draft_of_update()
      g:in_force(amount:format(2))
      assert.equal("success", check.ok(approve(draft)).execution.status)
    end)

    it("lets it stand in where there were no facts, or are none any more", function()
      g:in_force ""
      local plain = draft_of_update()
      g:in_force(amount:format(3))
      assert.equal("success", check.ok(approve(plain)).execution.status)
      local bound = draft_of_update()
      g:in_force "-- nothing any more"
      assert.equal("success", check.ok(approve(bound)).execution.status)
    end)

    it("does not execute when any of the state has changed", function()
      g:in_force(amount:format(4))
      local draft, made, app = draft_of_update()
      assert.equal("executed", act(app, ledger.update(made.id, { amount_home = 99 })).status)
      g:in_force(amount:format(5))
      check.refused(approve(draft), 409, "agent.precondition_failed")
      assert.equal("failed", check.ok(g.admin:get("/drafts/" .. draft.id)).draft.status)
    end)

    it("does not execute when the rule's facts have changed under the same rules", function()
      g:in_force [[{ name = "hour", tools = { "transaction.update" }, witness = function(_, state)
        return { title = "x", amount = state.amount_home } end }]]
      local draft, made, app = draft_of_update()
      assert.equal("executed", act(app, ledger.update(made.id, { amount_home = 98 })).status)
      check.refused(approve(draft), 409, "agent.precondition_failed")
    end)

    it("takes the stricter of then and now", function()
      g:in_force [[{ name = "two", tools = { "transaction.update" }, decide = function()
        return draft("Two.", { approvals = 2 }) end }]]
      local draft = draft_of_update()
      g:in_force ""
      local first = check.ok(g:person("frida", { "reviewer" }).client:post("/drafts/" .. draft.id .. "/approve"))
      assert.same({ "draft", { required = 2, given = 1 } }, { first.draftStatus, first.approvals })
      assert.equal(json.null, first.execution)
    end)
  end)
end)
