-- SPDX-License-Identifier: MIT
-- Evidence about one draft: what it has, what ties it to the audit trail, and what it must not tell of others.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("the evidence of a draft", function()
  local g, other, reviewer

  setup(function()
    g = gateway.start { config = "audit: { checkpoint_rows: 3, checkpoint_seconds: 1 }\n" }
    gateway.write_file(g:file("key.pem"), check.ok(g.admin:get("/audit/key")).publicKey)
    other = g:app { name = "Other tenant", org_id = "org_other" }
    reviewer = g:person("user_reviewer", { "reviewer" })
  end)
  teardown(function() gateway.stop(g) end)

  -- Rows of somebody else's, between those of a draft.
  local function noise()
    for _ = 1, 4 do other.client:get("/ledgers") end
  end

  local function evidence(id)
    return check.ok(g.admin:get("/drafts/" .. id .. "/evidence"))
  end

  local function verify(value, flags)
    local path = g:file("evidence.json")
    gateway.write_file(path, type(value) == "string" and value or json.encode(value))
    return gateway.run(("evidence verify '%s' %s"):format(path, flags or ("--key '%s'"):format(g:file("key.pem"))))
  end

  local function holds(id)
    return gateway.eventually("the evidence is signed", function()
      local value = evidence(id)
      local output, code = verify(value)
      assert.is_nil(output:find("does not hold", 1, true), output)
      return code == 0 and value
    end)
  end

  local function refused(value, why)
    local output, code = verify(value)
    assert.equal(1, code)
    assert.is_truthy(output:find("The evidence does not hold: ", 1, true), output)
    assert.is_truthy(output:find(why, 1, true), output)
  end

  local function approved()
    local draft = ledger.draft(g.agent, ledger.create { justification = "Because." })
    noise()
    check.ok(reviewer.client:post("/drafts/" .. draft.id .. "/approve", { note = "Looks right." }))
    noise()
    return draft
  end

  it("has all that was asked, seen, decided and done, and holds", function()
    local draft = approved()
    local value = holds(draft.id)
    assert.same(draft.payload, value.draft.payload)
    assert.equal("Because.", value.draft.justification)
    assert.equal(draft.seal, value.draft.seal)
    assert.is_string(value.draft.impact.summary)
    assert.is_table(value.draft.effect)
    assert.equal(64, #value.draft.policy.sha256)
    assert.equal("user_reviewer", value.decision.approvals[1].user_id)
    assert.equal("success", value.outcome.status)
    assert.equal("confirmed", value.state.status)
    local actions = {}
    for _, segment in ipairs(value.trail) do
      for _, row in ipairs(segment.rows) do
        if type(row) == "table" then actions[#actions + 1] = json.decode(row.row).action end
      end
    end
    assert.same({ "agent.action.draft.created", "agent.draft.approve", "agent.action.execute" }, actions)
  end)

  it("is the same from the command line", function()
    local draft = approved()
    holds(draft.id)
    local output, code = gateway.run(("evidence %s --data '%s'"):format(draft.id, g.data))
    assert.equal(0, code, output)
    assert.same(evidence(draft.id), json.decode(output))
    assert.equal(0, select(2, verify(output)))
    assert.is_truthy(verify(output, ""):find("only --key shows whose it is", 1, true))
    assert.equal(1, select(2, gateway.run(("evidence drf_none --data '%s'"):format(g.data))))
  end)

  it("tells nothing of others, whose rows are hashes", function()
    local text = json.encode(holds(approved().id))
    for _, word in ipairs { other.app.id, other.key.id, "org_other", "Other tenant" } do
      assert.is_nil(text:find(word, 1, true), word)
    end
  end)

  it("holds for every way in which a draft ends", function()
    local open = g:open_app()
    local _, executed = ledger.execute(open.client, ledger.create())
    local rejected, canceled = ledger.draft(g.agent, ledger.create()), ledger.draft(g.agent, ledger.create())
    check.ok(reviewer.client:post("/drafts/" .. rejected.id .. "/reject", { reason = "No." }))
    check.ok(g.agent:post("/drafts/" .. canceled.id .. "/cancel", { reason = "Not needed." }))
    local made = ledger.make(open.client).id
    local moved = ledger.draft(g.agent, ledger.update(made, { title = "A" }))
    ledger.execute(open.client, ledger.update(made, { title = "B" }))
    check.refused(reviewer.client:post("/drafts/" .. moved.id .. "/approve"), 409, "agent.precondition_failed")
    local revoked = g:app()
    local gone = ledger.draft(revoked.client, ledger.create())
    check.ok(g.admin:post("/apps/" .. revoked.app.id .. "/revoke"))
    local pending = ledger.draft(g.agent, ledger.create())
    for _, id in ipairs { executed.draft.id, rejected.id, canceled.id, moved.id, gone.id, pending.id } do holds(id) end
    assert.equal("No.", evidence(rejected.id).decision.review.reason)
  end)

  it("does not hold where anything in it was changed", function()
    local draft = approved()
    local whole = json.encode(holds(draft.id))
    local function changed(change, why)
      local value = json.decode(whole)
      change(value)
      refused(value, why)
    end
    local function own(value)
      for _, segment in ipairs(value.trail) do
        for i, row in ipairs(segment.rows) do
          if type(row) == "table" then return segment, i, row end
        end
      end
    end
    changed(function(v) v.draft.payload.amount_home = 99 end, "the draft is not the one")
    changed(function(v) v.draft.impact.summary = "Nothing." end, "the draft is not the one")
    changed(function(v) v.draft.policy.sha256 = ("0"):rep(64) end, "the draft is not the one")
    changed(function(v) v.decision.approvals[1].user_id = "user_x" end, "the decision is not the one")
    changed(function(v) v.outcome.status = "failed" end, "the outcome is not the one")
    changed(function(v) v.outcome = json.null end, "the outcome is not the one")
    changed(function(v)
      local _, _, row = own(v)
      row.row = row.row:gsub('"status":"success"', '"status":"denied"')
    end, "its bytes do not have its hash")
    changed(function(v)
      local segment, i, row = own(v)
      segment.rows[i] = row.event_hash
    end, "no audit row covers the draft")
    changed(function(v) own(v).checkpoint.time = "2020-01-01T00:00:00.000Z" end, "has no signature of the key")
    changed(function(v) own(v).link = ("0"):rep(63) .. "1" end, "the checkpoint is not of these rows")
    changed(function(v)
      local segment = own(v)
      table.insert(segment.rows, 1, ("0"):rep(64))
    end, "")
    changed(function(v) v.draft.id = "drf_other" end, "it is about something else")
  end)

  it("says what is wrong where the record was changed on disk", function()
    local draft = approved()
    assert.is_nil(holds(draft.id).problem)
    for column, why in pairs {
      ["impact = json_set(impact, '$.summary', 'Nothing.')"] = "the draft is not the one",
      ["approvals = json_set(approvals, '$[0].user_id', 'user_x')"] = "the decision is not the one",
    } do
      local path <const> = g.data .. "/gateway.db"
      local kept = db.rows(path, "SELECT impact, approvals FROM drafts WHERE id = :id", { id = draft.id })[1]
      db.change(path, ("UPDATE drafts SET %s WHERE id = :id"):format(column), { id = draft.id })
      assert.is_truthy(evidence(draft.id).problem:find(why, 1, true), column)
      local output, code = gateway.run(("evidence %s --data '%s'"):format(draft.id, g.data))
      assert.same({ 1, true }, { code, output:find("does not hold: " .. why, 1, true) ~= nil }, output)
      kept.id = draft.id
      db.change(path, "UPDATE drafts SET impact = :impact, approvals = :approvals WHERE id = :id", kept)
    end
    holds(draft.id)
  end)

  it("says so where a part of the record cannot be read any more", function()
    for sql, why in pairs {
      ["UPDATE executions SET result = '{' WHERE draft_id = :id"] = "the outcome is not the one",
      ["UPDATE drafts SET impact = '{' WHERE id = :id"] = "the draft is not the one",
    } do
      local draft = approved()
      db.change(g.data .. "/gateway.db", sql, { id = draft.id })
      assert.is_truthy(evidence(draft.id).problem:find(why, 1, true), sql)
      local output, code = gateway.run(("evidence %s --data '%s'"):format(draft.id, g.data))
      assert.same({ 1, true }, { code, output:find("does not hold: " .. why, 1, true) ~= nil }, output)
    end
  end)

  it("names the file that has its rows once they were archived", function()
    local draft, path = ledger.draft(g.agent, ledger.create()), g:file("old.jsonl")
    noise()
    holds(draft.id)
    local output, code = gateway.run(("audit archive --before 2100-01-01 '%s' --data '%s'"):format(path, g.data))
    assert.equal(0, code, output)
    local problem = evidence(draft.id).problem
    assert.is_truthy(problem:find("^no audit row covers the draft; the rows before row %d+ were archived, "), problem)
    assert.is_truthy(problem:find(path, 1, true), problem)
  end)

  it("does not hold against the key of another gateway", function()
    local value = holds(approved().id)
    os.execute(("openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout > '%s'"):format(g:file("x.pem")))
    local output, code = verify(value, ("--key '%s'"):format(g:file("x.pem")))
    assert.equal(1, code)
    assert.is_truthy(output:find("has no signature of the key; it names the key %x+%.%.%."), output)
  end)

  it("is for people who may see the draft", function()
    local draft = approved()
    local outsider = g:person("user_out", { "owner" }, { "org_other" })
    check.refused(outsider.client:get("/drafts/" .. draft.id .. "/evidence"), 404, "agent.draft_not_found")
    check.refused(g.admin:get("/drafts/drf_none/evidence"), 404, "agent.draft_not_found")
    check.ok(g:person("user_view", { "viewer" }).client:get("/drafts/" .. draft.id .. "/evidence"))
  end)

  local it_points = gateway.has_crash_points() and it or pending

  it_points("holds for what a killed gateway had not recorded", function()
    local open = g:open_app()
    g:restart("OPP_CRASH_AT=effect.committed")
    pcall(function() open.client:post("/actions", ledger.create { execute = true, idempotencyKey = "k" }) end)
    assert.equal(86, g:await_end())
    g:restart()
    local id = check.ok(g.admin:get("/drafts", { appId = open.app.id })).items[1].id
    assert.equal("success", holds(id).outcome.status)
  end)
end)
