-- SPDX-License-Identifier: MIT
-- A freeze stops everything, an app or a tool: from executing by itself, or at all; at once, and until it is lifted.
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

describe("a freeze", function()
  local g, app
  local frozen = {}

  setup(function()
    g = gateway.start()
    app = g:open_app()
  end)
  teardown(function() gateway.stop(g) end)

  local function freeze(fields)
    local request = { scope = "gateway", mode = "off", reason = "Month-end close." }
    for name, value in pairs(fields or {}) do
      request[name] = value
    end
    local made = check.ok(g.admin:post("/freeze", request)).freeze
    frozen[#frozen + 1] = made.id
    return made
  end

  local function lift(id, client) return (client or g.admin):delete("/freeze/" .. id) end

  after_each(function()
    for _, id in ipairs(frozen) do
      check.ok(lift(id))
    end
    frozen = {}
  end)

  local function refused(response)
    local body = response.body
    local details = check.refused(response, 403, "agent.forbidden")
    assert.same({ "frozen", "operator", "Month-end close." }, { details.reason, details.recovery, body.message })
  end

  local function tool(name, client)
    return check.find(check.ok((client or app.client):get("/manifest")).tools, { name = name })
  end

  -- A write that asks to execute; gives the data of its answer.
  local function write(client)
    return check.ok((client or app.client):post("/actions", ledger.create { execute = true }))
  end

  it("of everything, off, lets nothing through that a tool would do", function()
    local draft = ledger.draft(app.client, ledger.create())
    freeze()
    refused(app.client:post("/actions", ledger.create { execute = true }))
    refused(app.client:post("/actions", ledger.create()))
    refused(app.client:post("/preflight", { action = "transaction.create", payload = ledger.create().payload }))
    refused(app.client:get("/ledgers"))
    refused(g.admin:post("/drafts/" .. draft.id .. "/approve"))
    assert.equal("draft", check.ok(app.client:get("/drafts/" .. draft.id)).draft.status)
    assert.same({ "off", "agent.forbidden", "gateway" }, { tool("ledger.list").now.mode,
      tool("transaction.create").now.code, tool("transaction.create").now.freeze.scope })
    check.ok(app.client:post("/drafts/" .. draft.id .. "/cancel"))
  end)

  it("that leaves drafts makes drafts, of which a person's approval executes", function()
    freeze { mode = "drafts_only" }
    local data = write()
    assert.same({ "draft", "agent.auto_execute_disabled", "Month-end close." },
      { data.status, data.autoExecuteDeniedCode, data.autoExecuteDenied.reason })
    local now = tool("transaction.create").now
    assert.same({ "draft", "drafts_only", "Month-end close." }, { now.mode, now.freeze.mode, now.freeze.reason })
    assert.equal("read", tool("ledger.list").now.mode)
    check.ok(app.client:get("/ledgers"))
    assert.equal("success", ledger.approve(g.admin, data.draft).execution.status)
  end)

  it("of an app or a tool leaves the others alone", function()
    local other = g:open_app()
    freeze { scope = "app", id = app.app.id }
    refused(app.client:get("/ledgers"))
    assert.equal("executed", write(other.client).status)
    freeze { scope = "tool", id = "ledger.list", mode = "off" }
    refused(other.client:get("/ledgers"))
    assert.equal("executed", write(other.client).status)
  end)

  it("is one of several, of which the strictest counts, and each is lifted by itself", function()
    local first, second = freeze { mode = "drafts_only" }, freeze()
    refused(app.client:get("/ledgers"))
    local items = check.ok(g.admin:get("/freeze")).items
    assert.same({ second.id, first.id }, { items[1].id, items[2].id })
    check.ok(lift(second.id))
    assert.equal("draft", write().status)
    check.ok(lift(first.id))
    assert.equal("executed", write().status)
    assert.same(0, #check.ok(g.admin:get("/freeze")).items)
  end)

  it("is lifted once, and answered as it was when it is lifted again", function()
    local made = freeze()
    local first = check.ok(lift(made.id))
    assert.same(first, check.ok(lift(made.id)))
    check.timestamp(first.freeze.lifted_at)
    check.refused(lift("frz_0000000000000000000000000a"), 404, "agent.not_found")
    local rows = g:audit { action = "freeze.lift" }
    local lifts = 0
    for _, row in ipairs(rows) do
      lifts = lifts + (row.details.freezeId == made.id and 1 or 0)
    end
    assert.equal(1, lifts)
  end)

  it("is on record, with who and why, and told as an event", function()
    local head = #g:audit()
    local made = freeze { scope = "app", id = app.app.id, mode = "drafts_only" }
    local row = g:audit { action = "freeze.create" }[1]
    assert.same({ made.id, "app", app.app.id, "drafts_only", "Month-end close." }, { row.details.freezeId,
      row.details.scope, row.details.targetId, row.details.mode, row.details.reason })
    assert.same({ app.app.id, made.created_by }, { row.app_id, row.performed_by_user_id })
    check.ok(lift(made.id))
    local stream = g.admin:stream("/events", { ["Last-Event-ID"] = tostring(head) })
    assert.equal("freeze.created", assert(stream:next(30)).event)
    assert.equal("freeze.lifted", assert(stream:next(30)).event)
    stream:close()
  end)

  it("wants an operator, and one of all organisations unless it is of an app", function()
    for _, role in ipairs { "viewer", "reviewer", "owner" } do
      local person = g:person("freeze_" .. role, { role })
      check.refused(person.client:post("/freeze", { scope = "gateway", mode = "off", reason = "No." }), 403,
        "agent.forbidden")
    end
    local here = g:person("freeze_here", { "operator" }, { "org_demo" })
    local elsewhere = g:person("freeze_elsewhere", { "operator" }, { "org_other" })
    local asked = { scope = "app", id = app.app.id, mode = "off", reason = "No." }
    check.refused(elsewhere.client:post("/freeze", asked), 404, "agent.not_found")
    local details = check.refused(here.client:post("/freeze", { scope = "gateway", mode = "off", reason = "No." }), 403,
      "agent.forbidden")
    assert.equal("org_limited", details.reason)
    local made = check.ok(here.client:post("/freeze", asked)).freeze
    assert.equal(1, #check.ok(here.client:get("/freeze")).items)
    assert.equal(0, #check.ok(elsewhere.client:get("/freeze")).items)
    check.refused(lift(made.id, elsewhere.client), 404, "agent.not_found")
    check.ok(lift(made.id, here.client))
    local all = freeze()
    assert.equal(1, #check.ok(here.client:get("/freeze")).items)
    check.refused(lift(all.id, here.client), 403, "agent.forbidden")
  end)

  it("is of what is there, and says why", function()
    local function invalid(fields, status)
      local request = { scope = "gateway", mode = "off", reason = "Why." }
      for name, value in pairs(fields) do
        request[name] = value
      end
      check.refused(g.admin:post("/freeze", request), status or 400)
    end
    invalid { scope = "app" }
    invalid { id = app.app.id }
    invalid { mode = "slow" }
    invalid { reason = " " }
    invalid({ scope = "app", id = "app_0000000000000000000000000a" }, 404)
    invalid({ scope = "tool", id = "transaction.creat" }, 404)
  end)

  it("outlives a restart", function()
    freeze { mode = "drafts_only" }
    g:restart()
    assert.equal("draft", write().status)
  end)

  -- How many claims, by the row that each has, were made after the last freeze.
  local function later_than_freeze(action)
    return db.rows(g.data .. "/gateway.db", "SELECT count(*) AS n FROM audit WHERE action = :action"
      .. " AND status = 'success' AND seq > (SELECT max(seq) FROM audit WHERE action = 'freeze.create')",
      { action = action })[1].n
  end

  -- Writers on connections of their own; whatever is asked after the freeze was answered is not executed.
  it("lets nothing through that is asked after it was answered, on any worker", function()
    local made
    local function writer()
      local conn = connection.open(g.address, coroutine.yield)
      for _ = 1, 40 do
        local asked_after = made ~= nil
        local action = ledger.keyed { execute = true }
        local answer = assert(app.client:over(conn, ledger.request(action)))
        assert(answer.status == 403 or not asked_after, "it was executed: " .. answer.text)
      end
      conn:close()
    end
    local function operator()
      local conn = connection.open(g.address, coroutine.yield)
      for _ = 1, 5 do
        assert(g.admin:over(conn, { method = "GET", path = "/whoami" }))
      end
      made = check.ok(assert(g.admin:over(conn, { method = "POST", path = "/freeze",
        json = { scope = "gateway", mode = "off", reason = "Month-end close." } }))).freeze
      frozen[#frozen + 1] = made.id
      conn:close()
    end
    http.run { writer, writer, writer, writer, writer, writer, operator }
    assert.equal(0, later_than_freeze("agent.action.auto_execute.requested"))
  end)

  it("goes before approvals that are under way: none is claimed after it was answered", function()
    local drafts, jobs, outcomes = {}, {}, {}
    for i = 1, 24 do
      drafts[i] = ledger.draft(app.client, ledger.create())
    end
    local answered
    for i, draft in ipairs(drafts) do
      jobs[i] = function()
        local conn = connection.open(g.address, coroutine.yield)
        local asked_after = answered
        local answer = assert(g.admin:over(conn, { method = "POST", path = "/drafts/" .. draft.id .. "/approve" }))
        outcomes[i] = answer.status
        assert(answer.status == 403 or answer.status == 200 and not asked_after, answer.text)
        conn:close()
      end
    end
    table.insert(jobs, 8, function()
      local conn = connection.open(g.address, coroutine.yield)
      local made = check.ok(assert(g.admin:over(conn, { method = "POST", path = "/freeze",
        json = { scope = "gateway", mode = "off", reason = "Month-end close." } }))).freeze
      answered, frozen[#frozen + 1] = true, made.id
      conn:close()
    end)
    http.run(jobs)
    for i, draft in ipairs(drafts) do
      local status = check.ok(app.client:get("/drafts/" .. draft.id)).draft.status
      assert.equal(outcomes[i] == 200 and "confirmed" or "draft", status)
    end
    assert.equal(0, later_than_freeze("agent.draft.approve"))
  end)
end)
