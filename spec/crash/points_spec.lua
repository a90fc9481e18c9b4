-- SPDX-License-Identifier: MIT
-- The process ends at a named step between two durable writes; what is there after the next start must be whole.
local adapters = require "spec.support.adapters"
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local crash_exit <const> = 86

local describe_points = gateway.has_crash_points() and describe or pending

describe_points("a process that ends during a reload", function()
  it("comes back with the old tools on a database that was brought up to date, and takes the new ones then", function()
    local g = adapters.start()
    finally(function() adapters.stop(g) end)
    local before = check.ok(g.admin:get("/policies")).active
    g:write("002.sql", "CREATE TABLE more (id TEXT);")
    g:write("init.lua", adapters.changed("init.lua", '"001.sql"', '"001.sql", "002.sql"'))
    g:restart("OPP_CRASH_AT=generation.unstored")
    assert.is_nil(g.admin:start({ method = "POST", path = "/policies/reload" }):finish())
    assert.equal(crash_exit, g:await_end())
    g:restart()
    local after = check.ok(g.admin:get("/policies")).active
    assert.same({ before.generation, before.sha256, "changed" }, { after.generation, after.sha256, after.disk })
    local history <const> = "SELECT file FROM opp_migrations ORDER BY version"
    assert.same({ { file = "shop/001.sql" }, { file = "shop/002.sql" } }, db.rows(g.data .. "/shop.db", history))
    assert.equal("same", g:in_force().disk)
  end)
end)

describe_points("a process that ends", function()
  local g, app, data

  -- The default profile, and a rule by which a deletion needs two people.
  local function policies()
    local dir = gateway.make_dir()
    assert(os.execute(("cp -r policies/default '%s'"):format(dir)))
    gateway.write_file(dir .. "/default/20-two-people.lua", [[
return { {
  name = "a deletion needs two people", tools = { "transaction.delete" },
  decide = function() return draft("Two people.", { approvals = 2 }) end,
  tests = { { given = { tool = { kind = "action" } }, expect = { "draft", approvals = 2 } } },
} }]])
    return dir
  end

  setup(function()
    g = gateway.start { policies = policies() }
    app = g:open_app()
    data = g.data
  end)
  teardown(function()
    gateway.stop(g)
    os.execute(("rm -r '%s'"):format(g.options.policies))
  end)

  local function gateway_rows(sql, params) return db.rows(data .. "/gateway.db", sql, params) end

  -- Sends a request to a process that ends at this point, which no answer survives; starts it again.
  local function crash(point, request)
    g:restart("OPP_CRASH_AT=" .. point)
    local answer = (request.client or app.client):start(request):finish()
    assert.is_nil(answer, "it was answered")
    assert.equal(crash_exit, g:await_end())
    g:restart()
  end

  local function drafts_of(key)
    return gateway_rows("SELECT id, status FROM drafts WHERE idempotency_key = :key", { key = key })
  end

  local function executions_of(key)
    return gateway_rows("SELECT id, status, effect_id FROM executions WHERE idempotency_key = :key", { key = key })
  end

  local function receipts_of(execution)
    return db.rows(data .. "/ledger.db", "SELECT count(*) AS n FROM opp_receipts WHERE effect_id = :id",
      { id = execution.effect_id })[1].n
  end

  -- What must hold whatever happened.
  local function whole()
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    assert.same({}, gateway_rows "SELECT id FROM executions WHERE status = 'pending'")
    for _, name in ipairs { "gateway.db", "ledger.db" } do
      assert.same({ { integrity_check = "ok" } }, db.rows(data .. "/" .. name, "PRAGMA integrity_check"))
    end
    assert.same({}, gateway_rows("SELECT p.app_id FROM pending p WHERE p.drafts <>"
      .. " (SELECT count(*) FROM drafts d WHERE d.app_id = p.app_id AND d.status = 'draft')"))
    assert.same({}, gateway_rows("SELECT d.id FROM drafts d LEFT JOIN executions e ON e.draft_id = d.id"
      .. " WHERE d.status = 'confirmed' AND e.status IS NOT 'success'"))
    assert.same({}, gateway_rows("SELECT d.id FROM drafts d WHERE d.idempotency_key IS NOT NULL AND NOT EXISTS"
      .. " (SELECT 1 FROM idempotency i WHERE i.id = d.app_id || ' ' || d.idempotency_key)"))
  end

  local function audited(draft_id, action)
    return check.count(g:audit { action = action, status = "success" }, { draft_id = draft_id })
  end

  -- Repeats the request: there is one effect in the end, and a further repeat is a replay of it.
  local function one_effect(action, replayed)
    local first = check.ok(app.client:post("/actions", action))
    assert.equal("executed", first.status)
    assert.equal(replayed, first.replayed == true)
    local again = check.ok(app.client:post("/actions", action))
    assert.same({ first.execution.id, true }, { again.execution.id, again.replayed })
    assert.equal(1, ledger.stored(g, action.payload.title))
    whole()
  end

  describe("while an action executes", function()
    for _, point in ipairs { "claim.draft_only", "claim.written" } do
      it("has left nothing at " .. point, function()
        local action = ledger.keyed { execute = true }
        crash(point, ledger.request(action))
        assert.same({ {}, {} }, { drafts_of(action.idempotencyKey), executions_of(action.idempotencyKey) })
        one_effect(action, false)
        assert.equal(1, #executions_of(action.idempotencyKey))
      end)
    end

    for _, point in ipairs { "claim.committed", "effect.unreceipted", "effect.written" } do
      it("has failed without an effect at " .. point, function()
        local action = ledger.keyed { execute = true }
        crash(point, ledger.request(action))
        whole()
        local executions, drafts = executions_of(action.idempotencyKey), drafts_of(action.idempotencyKey)
        assert.same({ 1, "failed", "failed" }, { #executions, executions[1].status, drafts[1].status })
        assert.same({ 0, 0 }, { ledger.stored(g, action.payload.title), receipts_of(executions[1]) })
        assert.equal("failed", check.find(g:audit { action = "agent.action.execute" },
          { draft_id = drafts[1].id }).status)
        one_effect(action, false)
      end)
    end

    for _, point in ipairs { "effect.committed", "outcome.execution_only", "outcome.written", "outcome.committed",
      "reply.unsent" } do
      it("has succeeded at " .. point, function()
        local action = ledger.keyed { execute = true }
        crash(point, ledger.request(action))
        whole()
        local executions, drafts = executions_of(action.idempotencyKey), drafts_of(action.idempotencyKey)
        assert.same({ 1, "success", "confirmed" }, { #executions, executions[1].status, drafts[1].status })
        assert.same({ 1, 1 }, { ledger.stored(g, action.payload.title), receipts_of(executions[1]) })
        assert.equal(1, audited(drafts[1].id, "agent.action.execute"))
        one_effect(action, true)
      end)
    end

    it("answers the repeat with the result that the receipt kept", function()
      local action = ledger.keyed { execute = true }
      crash("effect.committed", ledger.request(action))
      local result = check.ok(app.client:post("/actions", action)).execution.result
      assert.equal(action.payload.title, result.transaction.title)
      assert.same({ { id = result.transaction.id } }, db.rows(data .. "/ledger.db",
        "SELECT id FROM transactions WHERE title = :title", { title = action.payload.title }))
    end)

    it("finds the receipt also when the next start is months later", function()
      local action = ledger.keyed { execute = true }
      g:restart("OPP_CRASH_AT=effect.committed")
      app.client:start(ledger.request(action)):finish()
      assert.equal(crash_exit, g:await_end())
      db.change(data .. "/ledger.db", "UPDATE opp_receipts SET created_at = created_at - 100 * 86400000")
      g:restart()
      assert.equal("success", executions_of(action.idempotencyKey)[1].status)
      one_effect(action, true)
    end)
  end)

  describe("while it recovers from an end", function()
    local function crash_twice(first, second)
      local action = ledger.keyed { execute = true }
      g:restart("OPP_CRASH_AT=" .. first)
      app.client:start(ledger.request(action)):finish()
      assert.equal(crash_exit, g:await_end())
      assert.equal(crash_exit, g:restart_in_vain("OPP_CRASH_AT=" .. second))
      g:restart()
      whole()
      return action, executions_of(action.idempotencyKey)[1]
    end

    for _, point in ipairs { "recovery.found", "recovery.written", "recovery.committed" } do
      it("settles by the receipt at the next start at " .. point, function()
        local action, execution = crash_twice("effect.committed", point)
        assert.equal("success", execution.status)
        assert.equal(1, audited(drafts_of(action.idempotencyKey)[1].id, "agent.action.execute"))
        one_effect(action, true)
      end)

      it("settles by the receipt's absence at the next start at " .. point, function()
        local action, execution = crash_twice("claim.committed", point)
        assert.equal("failed", execution.status)
        one_effect(action, false)
      end)
    end
  end)

  describe("while a draft is made", function()
    it("has left nothing at draft.written", function()
      local action = ledger.keyed()
      crash("draft.written", ledger.request(action))
      assert.same({}, drafts_of(action.idempotencyKey))
      assert.is_nil(check.ok(app.client:post("/actions", action)).replayed)
      whole()
    end)

    it("has kept it at draft.committed", function()
      local action = ledger.keyed()
      crash("draft.committed", ledger.request(action))
      local drafts = drafts_of(action.idempotencyKey)
      assert.same({ 1, "draft" }, { #drafts, drafts[1].status })
      assert.equal(1, audited(drafts[1].id, "agent.action.draft.created"))
      local again = check.ok(app.client:post("/actions", action))
      assert.same({ drafts[1].id, true }, { again.draft.id, again.replayed })
      whole()
    end)

    it("has left nothing of a preflight at preflight.unaudited", function()
      local before = gateway_rows "SELECT count(*) AS n FROM preflights"
      local action = ledger.create()
      crash("preflight.unaudited", { method = "POST", path = "/preflight", json = action })
      assert.same(before, gateway_rows "SELECT count(*) AS n FROM preflights")
      whole()
    end)
  end)

  describe("while a person decides", function()
    local function decide(draft, verb, client)
      return { method = "POST", path = "/drafts/" .. draft.id .. "/" .. verb, client = client or g.admin }
    end

    local function status_of(draft) return check.ok(app.client:get("/drafts/" .. draft.id)).draft.status end

    for _, point in ipairs { "claim.draft_only", "claim.approved" } do
      it("has left the draft pending at " .. point, function()
        local action = ledger.keyed()
        local draft = ledger.draft(app.client, action)
        crash(point, decide(draft, "approve"))
        assert.same({ "draft", {} }, { status_of(draft), executions_of(action.idempotencyKey) })
        assert.equal("success", ledger.approve(g.admin, draft).execution.status)
        assert.equal(1, ledger.stored(g, action.payload.title))
        whole()
      end)
    end

    it("has failed the draft without an effect at claim.committed", function()
      local action = ledger.keyed()
      local draft = ledger.draft(app.client, action)
      crash("claim.committed", decide(draft, "approve"))
      assert.same({ "failed", 0 }, { status_of(draft), ledger.stored(g, action.payload.title) })
      check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 400, "agent.draft_already_final")
      assert.equal(0, ledger.stored(g, action.payload.title))
      whole()
    end)

    for _, point in ipairs { "effect.committed", "outcome.written", "outcome.committed" } do
      it("has the effect once at " .. point, function()
        local action = ledger.keyed()
        local draft = ledger.draft(app.client, action)
        crash(point, decide(draft, "approve"))
        assert.same({ "confirmed", 1 }, { status_of(draft), ledger.stored(g, action.payload.title) })
        assert.same({ 1, 1 }, { audited(draft.id, "agent.draft.approve"), audited(draft.id, "agent.action.execute") })
        check.refused(g.admin:post("/drafts/" .. draft.id .. "/approve"), 400, "agent.draft_already_final")
        one_effect(action, true)
      end)
    end

    for point, kept in pairs { ["approval.written"] = 0, ["approval.committed"] = 1 } do
      it(("has %d of two approvals at %s"):format(kept, point), function()
        local people = { g:person("first_" .. kept, { "reviewer" }), g:person("second_" .. kept, { "reviewer" }) }
        local txn = ledger.make(app.client)
        local draft = ledger.draft(app.client, ledger.delete(txn.id))
        crash(point, decide(draft, "approve", people[1].client))
        assert.equal("draft", status_of(draft))
        assert.same({ kept, kept }, { audited(draft.id, "agent.draft.approve"),
          check.ok(app.client:get("/drafts/" .. draft.id)).draft.approvals.given })
        if kept == 0 then ledger.approve(people[1].client, draft) end
        assert.equal("success", ledger.approve(people[2].client, draft).execution.status)
        assert.is_nil(ledger.find(app.client, txn.id))
        whole()
      end)
    end

    for point, expected in pairs { ["rejection.written"] = "draft", ["rejection.committed"] = "canceled" } do
      it("has the draft " .. expected .. " at " .. point, function()
        local draft = ledger.draft(app.client, ledger.keyed())
        crash(point, decide(draft, "reject"))
        assert.equal(expected, status_of(draft))
        assert.equal(expected == "canceled" and 1 or 0, audited(draft.id, "agent.draft.reject"))
        whole()
      end)
    end
  end)

  describe("while an administrator changes something", function()
    for _, point in ipairs { "registry.unaudited", "registry.committed", "registry.swapped" } do
      local kept = point ~= "registry.unaudited"

      it("has " .. (kept and "kept" or "left no trace of") .. " a revocation at " .. point, function()
        local other = g:app()
        local before = ledger.draft(other.client, ledger.create())
        crash(point, { method = "POST", path = "/keys/" .. other.key.id .. "/revoke", client = g.admin })
        assert.equal(kept and 401 or 200, other.client:get("/manifest").status)
        assert.equal(kept and "canceled" or "draft",
          check.ok(g.admin:get("/drafts/" .. before.id)).draft.status)
        assert.equal(kept and 1 or 0, check.count(g:audit { appId = other.app.id }, { action = "agent_key.revoke" }))
        whole()
      end)
    end
  end)

  describe("while it refuses", function()
    for point, rows in pairs { ["refusal.written"] = 0, ["refusal.committed"] = 1 } do
      it(("has %d rows of it at %s"):format(rows, point), function()
        local other = g:app { scopes = json.array { "ledger.read" } }
        crash(point, ledger.request(ledger.create(), other.client))
        assert.equal(rows, check.count(g:audit { appId = other.app.id }, { status = "denied" }))
        whole()
      end)
    end
  end)
end)
