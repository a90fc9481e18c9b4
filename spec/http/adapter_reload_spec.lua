-- SPDX-License-Identifier: MIT
-- Adapters are reloaded as the policies are, with them, whole or not at all.
local adapters = require "spec.support.adapters"
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local changed <const>, files <const> = adapters.changed, adapters.files

describe("reloading adapters", function()
  local g, open, app

  setup(function()
    g = adapters.start()
    open = g:open_app { scopes = adapters.scopes }
    app = g:app { scopes = adapters.scopes }
  end)
  teardown(function() adapters.stop(g) end)

  after_each(function()
    os.remove(g.policies .. "/mine/10-rules.lua")
    g:restore()
    g:in_force()
  end)

  local function tools(client)
    local named = {}
    for _, tool in ipairs(check.ok((client or app.client):get("/manifest")).tools) do named[tool.name] = tool end
    return named
  end

  local function price(good, amount, fields)
    local body = { action = "good.price", payload = { goodId = good or "tea", price = amount or 7 } }
    for name, value in pairs(fields or {}) do body[name] = value end
    return body
  end

  local cheap <const> = changed("tools/list.lua", '"good.list"', '"good.cheap"')
    :gsub('"/goods"', '"/goods/cheap"', 1):gsub("WHERE org_id", "WHERE price < 10 AND org_id", 1)

  local function with_cheap(list)
    return changed("init.lua", 'require "tools.list"', list or 'require "tools.list", require "tools.cheap"')
  end

  it("takes a new tool: it is in the manifest, and its route answers", function()
    check.refused(app.client:get("/goods/cheap"), 404, "common.not_found")
    g:write("tools/cheap.lua", cheap)
    g:write("init.lua", with_cheap())
    assert.is_nil(tools()["good.cheap"])
    g:in_force()
    assert.equal("/api/agent/v1/goods/cheap", tools()["good.cheap"].http.path)
    local items = check.ok(app.client:get("/goods/cheap")).items
    assert.equal("tea", items[#items].id)
    assert.equal(#items, 1)
    check.refused(app.client:post("/goods/cheap", {}), 405)
  end)

  it("drops a tool that is not there any more: its route is unknown, its action too", function()
    check.ok(app.client:get("/goods"))
    local unknown = app.client:get("/nowhere")
    g:write("init.lua", changed("init.lua", 'require "tools.list", require "tools.price"', 'require "tools.cheap"'))
    g:write("tools/cheap.lua", cheap)
    g:in_force()
    assert.is_nil(tools()["good.list"])
    local gone = app.client:get("/goods")
    check.refused(gone, 404, "common.not_found")
    assert.same(unknown.body, gone.body)
    check.refused(app.client:post("/goods", {}), 404, "common.not_found")
    check.refused(app.client:post("/actions", price()), 400, "agent.action_unknown")
  end)

  it("takes a changed schema and a changed impact", function()
    check.ok(app.client:post("/preflight", price("tea", 0)))
    local other = changed("tools/price.lua", "minimum = 0", "minimum = 1"):gsub('"Price of "', '"Cost of "')
    g:write("tools/price.lua", other)
    g:in_force()
    check.refused(app.client:post("/preflight", price("tea", 0)), 400, "agent.action_invalid")
    local found = check.ok(app.client:post("/preflight", price("tea", 8)))
    assert.equal("Cost of Tea", found.impact.summary)
    assert.equal(1, tools()["good.price"].inputSchema.properties.payload.properties.price.minimum)
    ledger.execute(open.client, price("tea", 8))
  end)

  it("leaves everything as it was when anything is wrong, and says the file and line", function()
    local before = check.ok(g.admin:get("/policies")).active
    local broken = {
      { "tools/price.lua", "return {\n  name = = 'good.price',\n}", "shop/tools/price.lua", 2 },
      { "tools/price.lua", changed("tools/price.lua", 'kind = "action"', 'kind = "deed"'), "shop/tools/price.lua", 5 },
      { "tools/list.lua", "error 'no'\n", "shop/tools/list.lua", 1 },
      { "tools/list.lua", changed("tools/list.lua", '"/goods"', '"/drafts/mine"'), "shop/tools/list.lua", 7 },
      { "tools/list.lua", "while true do end\n", "shop/tools/list.lua", 1 },
      { "init.lua", changed("init.lua", '"shop"', '"shoe"'), "shop/init.lua", 0 },
      { "init.lua", changed("init.lua", '"001.sql"', '"001.sql", "002.sql"'), "shop/002.sql", 0 },
      { "lib.lua", "\xff", "shop/lib.lua", 0 },
    }
    for _, case in ipairs(broken) do
      g:restore()
      g:write(case[1], case[2])
      local details = check.refused(g:reload(), 400, "common.validation")
      assert.same({ case[3], case[4] }, { details.issues[1].file, details.issues[1].line })
      assert.is_true(#details.issues[1].message > 0)
    end
    local after = check.ok(g.admin:get("/policies")).active
    assert.equal("changed", after.disk)
    assert.same({ before.generation, before.sha256 }, { after.generation, after.sha256 })
    assert.is_truthy(tools()["good.list"])
    check.ok(app.client:get("/goods"))
    check.ok(app.client:post("/preflight", price()))
  end)

  it("names the file that cannot be read", function()
    local function refused(command, name)
      os.execute(("cd '%s' && %s"):format(g.adapters_dir, command))
      local issue = check.refused(g:reload(), 400, "common.validation").issues[1]
      os.execute(("cd '%s' && rm -rf shop/x* x*"):format(g.adapters_dir))
      g:restore()
      assert.same({ name, 0 }, { issue.file, issue.line })
    end
    refused("ln -s nowhere shop/x.lua", "shop/x.lua")
    refused("touch 'shop/x\xff.lua'", "shop")
    refused("mkdir 'x\xff' && touch 'x\xff/init.lua'", "")
    refused("mkdir x && ln -s nowhere x/init.lua", "x/init.lua")
    g:in_force()
  end)

  it("says what is wrong with each adapter", function()
    g:write("init.lua", "return {\n")
    g:write("../bench/init.lua", "nonsense\n")
    local issues = check.refused(g:reload(), 400, "common.validation").issues
    assert.same({ "bench/init.lua", "shop/init.lua" }, { issues[1].file, issues[2].file })
    os.execute(("rm -r '%s/bench'"):format(g.adapters_dir))
  end)

  it("is a new generation with another hash, and the same files are the same one", function()
    local first = g:in_force()
    g:write("tools/price.lua", files["tools/price.lua"] .. "-- changed\n")
    assert.equal("changed", check.ok(g.admin:get("/policies")).active.disk)
    local second = g:in_force()
    assert.equal(first.generation + 1, second.generation)
    assert.not_equal(first.sha256, second.sha256)
    assert.equal("same", second.disk)
    g:restore()
    assert.equal(first.sha256, g:in_force().sha256)
  end)

  it("leaves a draft whose tool has gone pending, until the tool is back", function()
    local draft = ledger.draft(app.client, price("tea", 9))
    g:write("init.lua", changed("init.lua", ', require "tools.price"', ""))
    g:in_force()
    check.refused(g:approve(draft), 400, "agent.action_unknown")
    local shown = check.ok(app.client:get("/drafts/" .. draft.id))
    assert.equal("draft", shown.draft.status)
    check.ok(g.admin:get("/drafts/" .. draft.id))
    check.ok(app.client:get("/drafts"))
    g:restore()
    g:in_force()
    assert.equal("success", check.ok(g:approve(draft)).execution.status)
  end)

  it("shows no result whose tool has gone to an app that may not see sensitive fields", function()
    local narrow = g:open_app { scopes = adapters.scopes, policy = { data = { allow_sensitive_fields = false } } }
    local body = price("tea", 6, { idempotencyKey = ledger.unique("gone") })
    local execution, data = ledger.execute(narrow.client, body)
    assert.same({ id = "tea", price = 6 }, execution.result.good)
    g:write("init.lua", changed("init.lua", ', require "tools.price"', ""))
    g:in_force()
    local shown = check.ok(narrow.client:get("/drafts/" .. data.draft.id)).execution
    assert.same({ "success", json.null }, { shown.status, shown.result })
    check.refused(narrow.client:post("/actions", body), 400, "agent.action_unknown")
  end)

  it("fails a draft whose effect is not what was reviewed any more", function()
    local draft = ledger.draft(app.client, price("tea", 9))
    g:write("tools/price.lua", changed("tools/price.lua", "SET price = :price", "SET price = :price + 1"))
    g:in_force()
    local details = check.refused(g:approve(draft), 409, "agent.precondition_failed")
    assert.equal("effect_changed", details.reason)
    assert.equal("failed", check.ok(app.client:get("/drafts/" .. draft.id)).draft.status)
  end)

  it("refuses a rule about a tool that is to go, with the rule's line, and both stay", function()
    gateway.write_file(g.policies .. "/mine/10-rules.lua",
      'return {\n  { name = "r", tools = { "good.price" },\n    decide = function() return draft("asked") end },\n}\n')
    local before = g:in_force()
    g:write("init.lua", changed("init.lua", ', require "tools.price"', ""))
    local issue = check.refused(g:reload(), 400, "common.validation").issues[1]
    assert.same({ "mine/10-rules.lua", 3 }, { issue.file, issue.line })
    assert.is_truthy(issue.message:find("good.price", 1, true))
    assert.equal(before.sha256, check.ok(g.admin:get("/policies")).active.sha256)
    ledger.draft(open.client, price("tea", 4, { execute = true }))
    os.remove(g.policies .. "/mine/10-rules.lua")
    g:in_force()
    assert.is_nil(tools()["good.price"])
  end)

  it("lets a call that has begun finish under the tools that it began with", function()
    local slow = changed("tools/list.lua", "read = function(call)\n", [[read = function(call)
    for _ = 1, 40 do
      call.sql("shop"):value("SELECT 1")
      for _ = 1, 100000 do end
    end
]])
    g:write("tools/list.lua", slow)
    g:in_force()
    local calls = {}
    for i = 1, 3 do calls[i] = app.client:start { method = "GET", path = "/goods" } end
    g:write("tools/list.lua", changed("tools/list.lua", "items = call", "goods = call")
      :gsub("{ items = {", "{ goods = {", 1))
    g:in_force()
    for _, call in ipairs(calls) do
      local answer = assert(call:finish(60))
      assert.is_truthy(check.ok(answer).items or check.ok(answer).goods)
    end
    assert.is_truthy(check.ok(app.client:get("/goods")).goods)
  end)

  it("lets who waits for a draft wait on, and tells it what the tools of then say", function()
    local draft = ledger.draft(app.client, price("pan", 31))
    local waiting = app.client:start { method = "GET", path = "/drafts/" .. draft.id .. "?wait=30" }
    g:write("tools/price.lua", files["tools/price.lua"] .. "-- changed\n")
    for _ = 1, 5 do g:in_force() end
    check.ok(g:approve(draft))
    local shown = check.ok(assert(waiting:finish(60)))
    assert.equal("confirmed", shown.draft.status)
  end)

  it("answers every request while it goes on, each by one generation or the next", function()
    local function version(n)
      return changed("tools/list.lua", "items = call", ("version = %d, items = call"):format(n))
    end
    for round = 1, tonumber(os.getenv("OPP_RELOADS")) or 12 do
      g:write("tools/list.lua", version(round))
      local requests = {}
      for i = 1, 16 do
        local action = price("g" .. i, round, { execute = true })
        requests[i] = i % 3 == 0 and { method = "POST", path = "/actions", json = action }
          or { method = "GET", path = "/goods" }
      end
      requests[8] = { method = "POST", path = "/policies/reload", client = g.admin }
      for i, response in ipairs(http.parallel(open.client, requests, 8)) do
        local data = check.ok(response)
        if requests[i].path == "/goods" and round > 1 then
          assert.is_true(data.version == round or data.version == round - 1)
        elseif requests[i].path == "/actions" then
          assert.equal("success", data.execution.status)
        end
      end
      assert.equal(round, check.ok(open.client:get("/goods")).version)
    end
  end)

  it("comes back after a kill as it was, whatever lies on the disk by then", function()
    g:write("tools/price.lua", changed("tools/price.lua", '"Price of "', '"Stored "'))
    local before = g:in_force()
    g:write("tools/price.lua", "nonsense\n")
    g:remove("tools/list.lua")
    g:kill()
    g:restart()
    local after = check.ok(g.admin:get("/policies")).active
    assert.same({ before.generation, before.sha256, "changed" }, { after.generation, after.sha256, after.disk })
    assert.equal("Stored Tea", check.ok(app.client:post("/preflight", price())).impact.summary)
    check.ok(app.client:get("/goods"))
    g:restore()
    os.execute("kill -HUP " .. g.pid)
    gateway.eventually("the reload", function()
      return check.ok(app.client:post("/preflight", price())).impact.summary == "Price of Tea"
    end)
  end)
end)
