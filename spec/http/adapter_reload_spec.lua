-- SPDX-License-Identifier: MIT
-- Adapters are reloaded as the policies are, with them, whole or not at all.
local adapters = require "spec.support.adapters"
local check = require "spec.support.check"
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
    g:write("tools/price.lua", changed("tools/price.lua", "minimum = 0", "minimum = 1"):gsub('"Price of "', '"Cost of "'))
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
end)
