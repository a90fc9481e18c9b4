-- SPDX-License-Identifier: MIT
-- Stage, discard, promote and roll back: what is in force, what is staged, and what is kept of it.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

local null <const> = json.null

-- Two rules in a file of their own each, so that a mixture of two generations would show.
local function rule(word, number, approvals)
  return ([[return { { name = "%s %d", tools = { "transaction.create" },
    decide = function() return draft("%s %d", { approvals = %d }) end } }
]]):format(word, number, word, number, approvals)
end

describe("policies that are staged", function()
  local g, app

  local function write(profile, word, approvals)
    g:profile(profile, rule(word, 1, approvals), "10-one.lua")
    g:profile(profile, rule(word, 2, approvals), "20-two.lua")
  end

  before_each(function()
    g = policies.start()
    write("mine", "Mine", 2)
    check.ok(g.admin:post("/policies/reload"))
    write("other", "Other", 3)
    app = g:open_app()
  end)
  after_each(function() policies.stop(g) end)

  local function look() return check.ok(g.admin:get("/policies")) end
  local function change(verb, body) return g.admin:post("/policies/" .. verb, body) end
  local function stage(profile) return check.ok(change("stage", { profile = profile or "other" })) end
  local function named(generation) return { generation.profile, generation.generation, generation.sha256 } end
  local function reasons() return ledger.draft(app.client, ledger.create()).policy.reasons end
  local function refused(verb, body, reason)
    assert.equal(reason, check.refused(change(verb, body), 409, "agent.precondition_failed").reason)
  end

  local function edit(profile, text)
    gateway.write_file(("%s/%s/10-one.lua"):format(g.policies, profile), text)
  end

  it("change nothing until they are promoted, and everything then", function()
    local before = look()
    assert.equal(null, before.staged)
    local data = stage()
    assert.same({ "other", before.active.generation + 1, 2, "same" },
      { data.staged.profile, data.staged.generation, data.staged.rules, data.staged.disk })
    assert.same(named(before.active), named(data.active))
    assert.same({ "Mine 1", "Mine 2" }, reasons())
    assert.same(data.staged, look().staged)
    local promoted = check.ok(change("promote", { sha256 = data.staged.sha256 }))
    assert.same(named(data.staged), named(promoted.active))
    assert.same(named(before.active), named(promoted.previous))
    assert.equal(null, promoted.staged)
    assert.same({ "Other 1", "Other 2" }, reasons())
    assert.same({ "other", promoted.active.generation },
      { ledger.draft(app.client, ledger.create()).policy.profile, look().active.generation })
  end)

  it("are the edited files of the profile in force, if one likes", function()
    edit("mine", rule("Edited", 1, 2))
    stage("mine")
    assert.same({ "Mine 1", "Mine 2" }, reasons())
    check.ok(change("promote"))
    assert.same({ "Edited 1", "Mine 2" }, reasons())
    assert.equal("same", look().active.disk)
  end)

  it("are replaced by what is staged after them, and stay over a reload", function()
    local first = stage().staged
    write("other", "Later", 2)
    local second = stage().staged
    assert.equal(first.generation + 1, second.generation)
    assert.same(second, look().staged)
    local reloaded = check.ok(g.admin:post("/policies/reload"))
    assert.same({ second, second.generation + 1 }, { reloaded.staged, reloaded.active.generation })
    assert.same({ "mine" }, { reloaded.active.profile })
    check.ok(change("promote"))
    assert.same({ "Later 1", "Later 2" }, reasons())
    assert.equal(second.generation, look().active.generation)
  end)

  it("are gone when they are discarded, and there is nothing to discard twice", function()
    stage()
    local data = check.ok(g.admin:delete("/policies/stage"))
    assert.equal(null, data.staged)
    assert.equal(null, look().staged)
    local details = check.refused(g.admin:delete("/policies/stage"), 409, "agent.precondition_failed")
    assert.same({ "policy.discard", "nothing_staged" }, { details.action, details.reason })
    refused("promote", nil, "nothing_staged")
  end)

  it("are not promoted when another hash is named, or their files have changed since, or have gone", function()
    local staged = stage().staged
    refused("promote", { sha256 = look().active.sha256 }, "not_staged")
    edit("other", rule("Edited", 1, 3))
    refused("promote", { sha256 = staged.sha256 }, "files_changed")
    assert.equal("changed", look().staged.disk)
    edit("other", rule("Other", 1, 3))
    assert.equal("same", look().staged.disk)
    os.execute(("mv '%s/other' '%s/gone'"):format(g.policies, g.policies))
    refused("promote", nil, "files_changed")
    os.execute(("mv '%s/gone' '%s/other'"):format(g.policies, g.policies))
    assert.same({ "Mine 1", "Mine 2" }, reasons())
    assert.same(named(staged), named(check.ok(change("promote")).active))
  end)

  it("must load, and must be there", function()
    edit("other", "return {\n  { name = 'x',\n}\n")
    local issue = check.refused(change("stage", { profile = "other" }), 400, "common.validation").issues[1]
    assert.is_truthy(issue.file:find("other/10-one.lua", 1, true))
    check.refused(change("stage", { profile = "nowhere" }), 400, "common.validation")
    for _, body in ipairs { { profile = "../mine" }, { profile = "" }, { profile = 1 }, json.object {} } do
      check.refused(change("stage", body), 400, "common.validation")
    end
    check.refused(change("promote", { sha256 = "other" }), 400, "common.validation")
    stage "mine"
    for _, verb in ipairs { "promote", "rollback" } do -- a hash under a wrong name would bind nothing
      check.refused(change(verb, { sha = look().active.sha256 }), 400, "common.validation")
    end
    check.ok(g.admin:delete("/policies/stage"))
    assert.equal(null, look().staged)
  end)

  it("that cannot be read are an issue of that file, and nothing says where it lies", function()
    os.execute(("mkdir '%s/other/30-three.lua'"):format(g.policies))
    for path, body in pairs { stage = { profile = "other" }, replay = { profile = "other" },
      evaluate = { profile = "other", request = { tool = "transaction.create" } } } do
      local issue = check.refused(change(path, body), 400, "common.validation").issues[1]
      assert.same({ "other/30-three.lua", "it is not a regular file" }, { issue.file, issue.message })
    end
    os.execute(("rm '%s/other/10-one.lua' && ln -s /nowhere '%s/other/10-one.lua'"):format(g.policies, g.policies))
    local issue = check.refused(change("stage", { profile = "other" }), 400, "common.validation").issues[1]
    assert.equal("cannot open it: No such file or directory", issue.message)
  end)

  it("are as they were after a kill without warning, and can be promoted then", function()
    local staged = stage().staged
    local before = look()
    g:kill()
    g:restart()
    before.active.loaded_at = look().active.loaded_at
    assert.same(before, look())
    assert.same({ "Mine 1", "Mine 2" }, reasons())
    assert.same(named(staged), named(check.ok(change("promote")).active))
    g:kill()
    g:restart()
    assert.same({ named(staged), null }, { named(look().active), look().staged })
    assert.same({ "Other 1", "Other 2" }, reasons())
  end)

  describe("and were promoted", function()
    it("give way to the exact bytes of before, though the files have gone", function()
      local before = look().active
      stage()
      check.ok(change("promote"))
      os.execute(("rm -r '%s/mine'"):format(g.policies))
      local data = check.ok(change("rollback"))
      assert.same(named(before), named(data.active))
      assert.equal("changed", data.active.disk)
      assert.same({ "Mine 1", "Mine 2" }, reasons())
      assert.equal("other", data.previous.profile)
      g:kill()
      g:restart()
      assert.same(named(before), named(look().active))
      check.refused(g.admin:post("/policies/reload"), 400, "common.validation")
      assert.same({ "Mine 1", "Mine 2" }, reasons())
    end)

    it("come back when one rolls back twice", function()
      stage()
      local promoted = check.ok(change("promote")).active
      local history = look()
      check.ok(change("rollback"))
      assert.same(named(promoted), named(check.ok(change("rollback")).active))
      assert.same(history.earlier, look().earlier)
    end)

    it("leave what was staged after them staged when one rolls back", function()
      stage()
      check.ok(change("promote"))
      local staged = stage("mine").staged
      assert.same(staged, check.ok(change("rollback")).staged)
      check.ok(change("promote"))
      assert.same(named(staged), named(look().active))
    end)
  end)

  it("are rolled back to by their hash, the last ten of them", function()
    local first, generations = look().active, {}
    for i = 1, 11 do
      edit("mine", rule("Round " .. i, 1, 2))
      generations[i] = check.ok(g.admin:post("/policies/reload")).active
    end
    local data = look()
    assert.equal(10, #data.earlier)
    assert.same({ data.previous, data.previous }, { data.earlier[1], check.find(data.earlier, data.previous) })
    refused("rollback", { sha256 = first.sha256 }, "not_stored")
    refused("rollback", { sha256 = ("0"):rep(64) }, "not_stored")
    refused("rollback", { sha256 = generations[11].sha256 }, "in_force")
    assert.same(named(generations[1]), named(check.ok(change("rollback", { sha256 = generations[1].sha256 })).active))
    assert.same({ "Mine 2", "Round 1 1" }, (function(list) table.sort(list) return list end)(reasons()))
    assert.same(named(generations[11]), named(look().previous))
  end)

  it("have nothing before them in a new gateway", function()
    local fresh = policies.start()
    finally(function() policies.stop(fresh) end)
    local details = check.refused(fresh.admin:post("/policies/rollback"), 409, "agent.precondition_failed")
    assert.equal("nothing_before", details.reason)
  end)

  it("are one change at a time", function()
    local requests, done = {}, 0
    for i = 1, 8 do requests[i] = { method = "POST", path = "/policies/stage", json = { profile = "other" } } end
    for _, response in ipairs(http.parallel(g.admin, requests, 8)) do
      if response.status ~= 503 then
        check.ok(response)
        done = done + 1
      end
    end
    assert.is_true(done >= 1)
    assert.equal(1 + done, look().staged.generation - look().active.generation + 1)
    stage()
  end)

  it("are an operator's business", function()
    for role, status in pairs { viewer = 403, reviewer = 403, operator = 200 } do
      local client = g:person("user_" .. role, { role }).client
      assert.equal(status, client:post("/policies/stage", { profile = "other" }).status)
      if status == 403 then stage() end
      assert.equal(status, client:post("/policies/promote").status)
      if status == 403 then stage() end
      assert.equal(status == 403 and 403 or 409, client:delete("/policies/stage").status)
      if status == 403 then check.ok(change("promote")) end
      assert.equal(status, client:post("/policies/rollback").status)
      check.ok(client:get("/policies"))
    end
  end)

  it("are no business of an operator of some organisations, for they concern all", function()
    local before = check.ok(g.admin:post("/policies/stage", { profile = "other" })).staged
    local theirs = g:person("theirs", { "operator" }, { "org_demo" }).client
    for _, verb in ipairs { "reload", "stage", "promote", "rollback" } do
      local body = verb == "stage" and { profile = "mine" } or nil
      assert.equal("org_limited", check.refused(theirs:post("/policies/" .. verb, body), 403, "agent.forbidden").reason)
    end
    check.refused(theirs:delete("/policies/stage"), 403, "agent.forbidden")
    assert.same(before, check.ok(theirs:get("/policies")).staged)
  end)

  it("leave audit rows that say who did what, also where it failed, and events", function()
    local events = g.admin:stream("/events")
    local staged = stage().staged
    check.ok(change("promote"))
    check.ok(change("rollback"))
    stage()
    check.ok(g.admin:delete("/policies/stage"))
    local failed = change("promote")
    local rows = {}
    for _, row in ipairs(g:audit()) do
      if row.action:find("^policy%.") and row.action ~= "policy.reload" then rows[#rows + 1] = row end
    end
    local expected = { "promote denied", "discard success", "stage success", "rollback success", "promote success",
      "stage success" }
    for i, row in ipairs(rows) do
      assert.equal("policy." .. expected[i], row.action .. " " .. row.status)
      assert.equal("owner", row.performed_by_user_id)
    end
    assert.equal(failed.headers["x-request-id"], rows[1].request_id)
    for i, profile in pairs { [2] = "other", [3] = "other", [4] = "mine", [5] = "other" } do
      assert.equal(profile, rows[i].details.profile)
    end
    assert.same({ "other", staged.generation, staged.sha256 }, named(rows[6].details))
    for _, name in ipairs { "staged", "promoted", "rolled_back", "staged", "discarded" } do
      assert.equal("policy." .. name, assert(events:next(10)).event)
    end
    events:close()
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("are promoted under load: no request fails, and none is judged by a mixture", function()
    local approvals, generations = { Mine = 2, Other = 3 }, {}
    local function remember(data)
      generations[data.active.generation] = data.active.profile
    end
    remember(look())
    local function expect_one(response)
      local draft = check.ok(response).draft
      local word = draft.policy.reasons[1]:match("^%a+")
      assert.same({ word .. " 1", word .. " 2" }, draft.policy.reasons)
      assert.same({ approvals[word], word:lower() }, { draft.approvals.required, draft.policy.profile })
      return draft.policy
    end
    local seen = {}
    for round = 1, 12 do
      local verb = round % 2 == 1 and "promote" or "rollback"
      if verb == "promote" then stage(round % 4 == 1 and "other" or "mine") end
      local requests = {}
      for i = 1, 60 do
        requests[i] = i % 4 == 0 and { method = "GET", path = "/ledgers" } or ledger.request(ledger.create())
      end
      local changing = g.admin:start { method = "POST", path = "/policies/" .. verb }
      for i, response in ipairs(http.parallel(app.client, requests, 8)) do
        if i % 4 == 0 then check.ok(response) else seen[#seen + 1] = expect_one(response) end
      end
      remember(check.ok(assert(changing:finish())))
      assert.equal(look().active.profile, expect_one(app.client:post("/actions", ledger.create())).profile)
    end
    for _, policy in ipairs(seen) do
      assert.equal(generations[policy.generation], policy.profile)
    end
  end)
end)
