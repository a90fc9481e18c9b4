-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("the stream of events", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  -- Reads on until an event speaks of text; gives it.
  local function await(stream, text, seconds)
    while true do
      local event = assert(stream:next(seconds or 30))
      if event.data:find(text, 1, true) then
        return event
      end
    end
  end

  it("is one of server-sent events, for admins", function()
    local stream, head = g.admin:stream("/events")
    assert.equal(200, head.status)
    assert.is_truthy(head.headers["content-type"]:find("^text/event%-stream"))
    assert.equal("no-store", head.headers["cache-control"])
    stream:close()
    check.refused(g:admin_client(nil):get("/events"), 401, "agent.token_invalid")
  end)

  it("tells of drafts that are made, decided and executed, in the order of the audit trail", function()
    local stream = g.admin:stream("/events")
    local draft = ledger.draft(g.agent, ledger.create())
    local made = await(stream, draft.id)
    ledger.approve(g.admin, draft)
    local decided = await(stream, draft.id)
    assert.is_true(math.tointeger(tonumber(made.id)) < math.tointeger(tonumber(decided.id)))
    assert.is_table(check.find(g:audit(), { seq = math.tointeger(tonumber(made.id)), draft_id = draft.id }))
    stream:close()
  end)

  it("tells of keys", function()
    local stream = g.admin:stream("/events")
    local app = g:app()
    check.ok(g.admin:post("/keys/" .. app.key.id .. "/revoke"))
    await(stream, app.key.id)
    stream:close()
  end)

  it("tells of a reload by signal, without another event to go with it", function()
    local stream = g.admin:stream("/events")
    os.execute("kill -HUP " .. g.pid)
    await(stream, "policy.reloaded", 10) -- sooner than the next comment that keeps it alive
    stream:close()
  end)

  it("goes on where its reader left off", function()
    local stream = g.admin:stream("/events")
    local first = ledger.draft(g.agent, ledger.create())
    local seen = await(stream, first.id)
    stream:close()
    local missed = ledger.draft(g.agent, ledger.create())
    stream = g.admin:stream("/events", { ["Last-Event-ID"] = seen.id })
    local event = await(stream, missed.id)
    assert.is_true(tonumber(event.id) > tonumber(seen.id))
    stream:close()
  end)

  it("begins with what comes next when its reader names no event that there was", function()
    for _, id in ipairs { "", "none", "999999999", "99999999999999999999" } do
      local old = ledger.draft(g.agent, ledger.create())
      local stream = g.admin:stream("/events", { ["Last-Event-ID"] = id })
      local new = ledger.draft(g.agent, ledger.create())
      local event = assert(stream:next(30))
      assert.is_nil(event.data:find(old.id, 1, true))
      assert.is_truthy(event.data:find(new.id, 1, true))
      stream:close()
    end
  end)

  -- Of three drafts' events the middle one's row is damaged; gives the drafts, and how to open a stream before them.
  local function damaged(how)
    local drafts = {}
    for i = 1, 3 do
      drafts[i] = ledger.draft(g.agent, ledger.create())
    end
    local file = g.data .. "/gateway.db"
    local whole = db.rows(file, "SELECT seq, app_id, row FROM audit WHERE draft_id = :id", { id = drafts[2].id })[1]
    db.change(file, ("UPDATE audit SET %s WHERE seq = :seq"):format(how), whole)
    finally(function() db.change(file, "UPDATE audit SET app_id = :app_id, row = :row WHERE seq = :seq", whole) end)
    return drafts, g.admin:stream("/events", { ["Last-Event-ID"] = tostring(whole.seq - 2) })
  end

  it("tells of a row that is damaged what is left of it, and of those beside it", function()
    local drafts, stream = damaged "row = '{'"
    await(stream, drafts[1].id)
    local event = await(stream, drafts[2].id).body
    assert.same({ "draft.created", json.null }, { event.event, event.details })
    await(stream, drafts[3].id)
    stream:close()
    local rows = check.ok(g.admin:get("/audit", { limit = 50 })).items
    assert.is_nil(check.find(rows, { draft_id = drafts[2].id, damaged = true }).details)
    assert.is_nil(check.find(rows, { draft_id = drafts[1].id }).damaged)
  end)

  it("ends where an event cannot be told, so that its reader knows", function()
    local _, stream = damaged "app_id = CAST(x'ff' AS TEXT)"
    assert.same({ nil, "closed" }, { stream:next(30) })
    stream:close()
  end)

  it("shows a person of one organisation nothing of another", function()
    local anna = g:person("user_anna", { "viewer" }, { "org_other" }).client
    local stream = anna:stream("/events")
    local hidden = ledger.draft(g.agent, ledger.create())
    local other = g:app({ org_id = "org_other" }).client
    local shown = ledger.draft(other, ledger.create(nil, { ledgerId = "ledger_other" }))
    local event
    repeat
      event = assert(stream:next(30))
      assert.is_nil(event.data:find(hidden.id, 1, true))
    until event.data:find(shown.id, 1, true)
    stream:close()
  end)

  it("ends when its reader's token is revoked, and tells nothing from then on", function()
    local person = g:person("user_short", { "viewer" })
    local stream = person.client:stream("/events")
    check.ok(g.admin:post("/tokens/" .. person.admin_token.id .. "/revoke"))
    local event = assert(stream:next(30))
    assert.same({ nil, "agent.token_invalid" }, { event.id, event.body.code })
    assert.same({ nil, "closed" }, { stream:next(30) })
    stream:close()
  end)
end)
