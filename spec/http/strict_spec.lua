-- SPDX-License-Identifier: MIT
-- The strict profile on a running gateway. Its office hours are moved to be now, or not to be.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"

describe("the strict profile", function()
  local g, dir

  -- Writes the profile with the hours of a day from now on, or of another day of the week.
  local function write(open)
    local day = os.date("!%a", os.time() + (open and 0 or 3 * 86400)):lower()
    local days = open and "mon-sun" or day
    local text = gateway.read_file("policies/strict/profile.lua")
    local hours = 'hours = { days = "mon-fri", from = "09:00", to = "17:00", tz = "UTC" }'
    local at = assert(text:find(hours, 1, true), "the settings have moved")
    gateway.write_file(dir .. "/strict/profile.lua", text:sub(1, at - 1) ..
      ('hours = { days = "%s", from = "00:00", to = "24:00", tz = "UTC" }'):format(days) .. text:sub(at + #hours))
  end

  -- 30-hours.lua's own tests are about the shipped hours.
  setup(function()
    dir = gateway.make_dir()
    os.execute(("cp -r policies/default policies/strict '%s'"):format(dir))
    local hours = gateway.read_file("policies/strict/30-hours.lua")
    gateway.write_file(dir .. "/strict/30-hours.lua", (hours:gsub("tests = {.-\n    },\n", "", 1)))
    write(true)
    g = gateway.start { policies = dir, flags = { "--profile", "strict" } }
  end)
  teardown(function()
    gateway.stop(g)
    os.execute(("rm -r '%s'"):format(dir))
  end)

  local function hours(open)
    write(open)
    check.ok(g.admin:post("/policies/reload"))
  end

  local function safe(action)
    action.execute, action.idempotencyKey = true, ledger.unique("key")
    return action
  end

  it("is shipped as tested: the gateway starts with it", function()
    local other = gateway.start { flags = { "--profile", "strict" } }
    finally(function() gateway.stop(other) end)
    local active = check.ok(other.admin:get("/policies")).active
    assert.same({ "strict", 5, "same" }, { active.profile, active.rules, active.disk })
  end)

  it("asks for two people where the risk is high", function()
    hours(true)
    local app = g:open_app()
    local made = ledger.make(app.client)
    local data = check.ok(app.client:post("/actions", safe(ledger.delete(made.id))))
    assert.same({ "draft", "agent.auto_execute_denied" }, { data.status, data.autoExecuteDeniedCode })
    assert.same({ required = 2, given = 0 }, data.draft.approvals)
    assert.same({ "A high-risk action needs two people." }, data.draft.policy.reasons)
    local anna, bert = g:person("anna", { "reviewer" }).client, g:person("bert", { "reviewer" }).client
    check.refused(g.admin:post("/drafts/" .. data.draft.id .. "/approve"), 403, "agent.forbidden")
    assert.equal("draft", check.ok(anna:post("/drafts/" .. data.draft.id .. "/approve")).draftStatus)
    assert.equal("success", check.ok(bert:post("/drafts/" .. data.draft.id .. "/approve")).execution.status)
  end)

  it("binds the whole state: what changes in between is not executed", function()
    hours(true)
    local app = g:open_app()
    local made = ledger.make(app.client)
    local draft = ledger.draft(app.client, ledger.delete(made.id))
    local bound = check.ok(g.admin:get("/drafts/" .. draft.id)).draft.preflight_state_witness.rules
    assert.equal("resource_version", bound["what has a state needs a witness"].kind)
    local anna, bert = g:person("anna2", { "reviewer" }).client, g:person("bert2", { "reviewer" }).client
    check.ok(anna:post("/drafts/" .. draft.id .. "/approve"))
    local update = check.ok(app.client:post("/actions", safe(ledger.update(made.id, { title = "Changed" }))))
    if update.status == "draft" then
      check.ok(anna:post("/drafts/" .. update.draft.id .. "/approve"))
    end
    check.refused(bert:post("/drafts/" .. draft.id .. "/approve"), 409, "agent.precondition_failed")
  end)

  it("wants a witness where there is state", function()
    hours(true)
    local app = g:open_app()
    local made = ledger.make(app.client)
    local action = safe(ledger.update(made.id, { title = "Unseen" }))
    local data = check.ok(app.client:post("/actions", action))
    assert.equal("agent.preflight_required", data.autoExecuteDeniedCode)
    local flight = ledger.preflight(app.client, action)
    assert.same({ "witness" }, flight.decision.requires)
    action = safe(ledger.update(made.id, { title = "Unseen" }))
    action.preflightId = flight.preflightId
    assert.equal("executed", check.ok(app.client:post("/actions", action)).status)
  end)

  it("runs nothing by itself out of hours, and says when it will", function()
    hours(false)
    local app = g:open_app()
    local data = check.ok(app.client:post("/actions", safe(ledger.create())))
    assert.equal("agent.auto_execute_window_closed", data.autoExecuteDeniedCode)
    check.timestamp(data.autoExecuteDenied.opensAt)
    for _, tool in ipairs(check.ok(app.client:get("/manifest")).tools) do
      if tool.name == "transaction.create" then
        assert.same({ "draft", data.autoExecuteDenied.opensAt }, { tool.now.mode, tool.now.window.opensAt })
      end
    end
    hours(true)
    assert.equal("executed", check.ok(app.client:post("/actions", safe(ledger.create()))).status)
  end)

  it("lets drafts live for an hour", function()
    local draft = ledger.draft(g.agent, ledger.create())
    local function seconds(text)
      local h, m, s = text:match("T(%d+):(%d+):(%d+)")
      return h * 3600 + m * 60 + s
    end
    local lives = (seconds(draft.expires_at) - seconds(draft.created_at)) % 86400
    assert.is_true(lives >= 3599 and lives <= 3600, tostring(lives))
  end)

  it("executes sixty actions an hour and no more", function()
    hours(true)
    local app = g:open_app()
    for _ = 1, 60 do
      assert.equal("executed", check.ok(app.client:post("/actions", safe(ledger.create()))).status)
    end
    local over = check.ok(app.client:post("/actions", safe(ledger.create())))
    assert.equal("agent.auto_execute_denied", over.autoExecuteDeniedCode)
    check.refused(g.admin:post("/drafts/" .. over.draft.id .. "/approve"), 429, "agent.rate_limited")
    assert.equal("executed", check.ok(g:open_app().client:post("/actions", safe(ledger.create()))).status)
  end)

  it("leaves reads to the core", function()
    assert.is_true(#check.ok(g.agent:get("/ledgers")).items > 0)
  end)
end)
