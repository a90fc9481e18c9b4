-- SPDX-License-Identifier: MIT
-- A data directory of every earlier schema opens: what was there is there, and what was under way is settled.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

local fixture <const> = "tests/fixtures/schema_1/"

describe("a data directory of schema 1", function()
  local g, asked, app

  -- It was left by a gateway that was killed between an effect and its outcome.
  setup(function()
    g = policies.start()
    g:terminate()
    asked = json.decode(gateway.read_file(fixture .. "asked.json"))
    os.execute(("rm '%s'/*"):format(g.data))
    os.execute(("cp -r policies/default '%s/'"):format(g.policies))
    for _, name in ipairs { "gateway", "ledger" } do
      db.load(("%s/%s.db"):format(g.data, name), ("%s%s.sql"):format(fixture, name))
    end
    g:restart()
    g.admin, app = g:admin_client(asked.admin_token), { client = g:agent_client(asked.agent_token) }
  end)
  teardown(function() policies.stop(g) end)

  local function rows(sql) return db.rows(g.data .. "/gateway.db", sql) end

  it("has the schema of a new one", function()
    local function schema(path)
      local found = {}
      for _, row in ipairs(db.rows(path, "SELECT m.name AS t, c.name AS c, c.type, c.\"notnull\" AS required, c.pk"
        .. " FROM sqlite_schema m, pragma_table_info(m.name) c ORDER BY 1, 2")) do
        found[#found + 1] = json.encode(row)
      end
      for _, row in ipairs(db.rows(path, "SELECT sql FROM sqlite_schema WHERE type <> 'table' ORDER BY name")) do
        found[#found + 1] = json.encode(row)
      end
      return found
    end
    local new = gateway.start()
    for _, name in ipairs { "gateway.db", "ledger.db" } do
      assert.same(schema(new.data .. "/" .. name), schema(g.data .. "/" .. name), name)
    end
    gateway.stop(new)
  end)

  it("has what was acknowledged, and its trail holds", function()
    -- The fourth was undecided, and expires as soon as somebody looks for such drafts.
    assert.same({ { drafts = 4, confirmed = 3 } },
      rows "SELECT count(*) AS drafts, sum(status = 'confirmed') AS confirmed FROM drafts")
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    assert.equal(2, #g:audit { action = "agent_app.create" })
  end)

  it("settles what was under way by its receipt, and its key is replayed", function()
    assert.same({ { status = "success", database = "ledger" } },
      rows "SELECT status, database FROM executions WHERE idempotency_key = 'key-open'")
    local data = check.ok(app.client:post("/actions", asked.open))
    assert.same({ "executed", true }, { data.status, data.replayed })
    assert.same({ { n = 1 } }, db.rows(g.data .. "/ledger.db",
      "SELECT count(*) AS n FROM transactions WHERE title = 'Open'"))
  end)

  it("knows how many transactions there are", function()
    local counted = db.rows(g.data .. "/ledger.db", "SELECT count(*) AS n FROM transactions WHERE is_deleted = 0")
    assert.equal(counted[1].n, check.ok(app.client:get("/transactions")).total)
  end)

  it("takes new work, and opens again", function()
    check.ok(app.client:post("/actions", ledger.create()))
    g:restart()
    check.ok(app.client:get("/manifest"))
    check.ok(g.admin:post("/policies/reload"))
  end)

  -- The generation of schema 1 has no adapters of its own, and was hashed without them.
  it("goes back to the rules of then, over a restart too, though their files have gone", function()
    local data = check.ok(g.admin:get("/policies"))
    local first = data.earlier[#data.earlier]
    assert.equal(1, first.generation)
    local path = ("%s/%s"):format(g.policies, first.profile)
    gateway.write_file(path .. "/50-none.lua", [[return { { name = "none", tools = { "transaction.create" },
      decide = function() return deny("None today.") end } } ]])
    local strict = check.ok(g.admin:post("/policies/reload")).active
    check.refused(app.client:post("/actions", ledger.create()), 403, "agent.policy_denied")
    os.execute(("rm -r '%s'"):format(path))

    data = check.ok(g.admin:post("/policies/rollback", { sha256 = first.sha256 }))
    assert.same({ 1, "changed" }, { data.active.generation, data.active.disk })
    check.ok(app.client:post("/actions", ledger.create()))
    check.refused(g.admin:post("/policies/rollback", { sha256 = first.sha256 }), 409, "agent.precondition_failed")
    g:restart()
    assert.equal(1, check.ok(g.admin:get("/policies")).active.generation)
    check.ok(app.client:post("/actions", ledger.create()))
    assert.equal(strict.sha256, check.ok(g.admin:post("/policies/rollback")).active.sha256)
    check.refused(app.client:post("/actions", ledger.create()), 403, "agent.policy_denied")
    assert.equal(1, check.ok(g.admin:post("/policies/rollback")).active.generation)
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)
end)

describe("a data directory of a later schema", function()
  it("is refused by its name", function()
    local g = gateway.start()
    g:terminate()
    db.change(g.data .. "/gateway.db", "PRAGMA user_version=1000")
    local before = #g:log()
    assert.equal(2, g:restart_in_vain())
    local said = g:log():sub(before + 1)
    assert.is_truthy(said:find("gateway.db has schema 1000; this program knows none after", 1, true), said)
    assert.is_truthy(said:find("a newer oppd has opened it", 1, true), said)
    gateway.stop(g)
  end)
end)
