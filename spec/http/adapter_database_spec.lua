-- SPDX-License-Identifier: MIT
-- What a reload of adapters does to their databases: it adds to them, once, and never takes away.
local adapters = require "spec.support.adapters"
local check = require "spec.support.check"
local db = require "spec.support.db"
local ledger = require "spec.support.ledger"

local changed <const>, files <const> = adapters.changed, adapters.files

describe("a reload and the adapters' databases", function()
  local g, open

  before_each(function()
    g = adapters.start()
    open = g:open_app { scopes = adapters.scopes }
  end)
  after_each(function() adapters.stop(g) end)

  local function rows(sql, file) return db.rows(g:file("data/" .. (file or "shop.db")), sql) end

  local function history(file)
    local ran = {}
    for i, row in ipairs(rows("SELECT file FROM opp_migrations ORDER BY version", file)) do ran[i] = row.file end
    return ran
  end

  local function migrations(list) return changed("init.lua", '"001.sql"', list) end

  local function price(good, amount)
    return { action = "good.price", payload = { goodId = good, price = amount } }
  end

  local function refused(file, line)
    local issues = check.refused(g:reload(), 400, "common.validation").issues
    assert.same({ file, line }, { issues[1].file, issues[1].line })
    return issues[1].message
  end

  it("runs a new migration once, under calls that go on", function()
    g:write("002.sql", "ALTER TABLE goods ADD COLUMN shelf INTEGER NOT NULL DEFAULT 3;\n" ..
      "UPDATE goods SET shelf = shelf + 1;\n")
    g:write("init.lua", migrations '"001.sql", "002.sql"')
    g:write("tools/list.lua", changed("tools/list.lua", "name, price, org", "name, shelf AS price, org"))
    g:in_force()
    assert.equal(4, check.ok(open.client:get("/goods")).items[1].price)
    ledger.execute(open.client, price("tea", 8))
    g:in_force()
    g:kill()
    g:restart()
    assert.same({ "shop/001.sql", "shop/002.sql" }, history())
    assert.equal(4, check.ok(open.client:get("/goods")).items[1].price)
    assert.equal(8, rows("SELECT price FROM goods WHERE id = 'tea'")[1].price)
  end)

  it("refuses a migration that has run and was changed or taken away", function()
    g:write("001.sql", files["001.sql"] .. "-- a remark\n")
    assert.is_truthy(refused("shop/001.sql", 0):find("changed", 1, true))
    g:restore()
    g:write("002.sql", "CREATE TABLE more (id TEXT);")
    g:write("init.lua", migrations '"001.sql", "002.sql"')
    g:in_force()
    g:restore()
    assert.is_truthy(refused("shop/002.sql", 0):find("not there any more", 1, true))
    g:write("001.sql", "CREATE TABLE more (id TEXT);")
    g:write("002.sql", files["001.sql"])
    g:write("init.lua", migrations '"001.sql", "002.sql"')
    refused("shop/001.sql", 0)
    ledger.execute(open.client, price("tea", 8))
  end)

  it("undoes a migration that fails, with all that came with it, and says the line", function()
    g:write("002.sql", "CREATE TABLE more (id TEXT);\n")
    g:write("003.sql", "-- a remark\nCREATE TABLE most (id TEXT);\n\nINSERT INTO nowhere VALUES (1);\n")
    g:write("init.lua", migrations '"001.sql", "002.sql", "003.sql"')
    refused("shop/003.sql", 4)
    assert.same({ "shop/001.sql" }, history())
    assert.same({}, rows("SELECT name FROM sqlite_schema WHERE name IN ('more', 'most')"))
    g:write("003.sql", "COMMIT;\n")
    refused("shop/003.sql", 1)
    g:write("003.sql", "\n\nATTACH 'other.db' AS other;\n")
    refused("shop/003.sql", 3)
    check.ok(open.client:get("/goods"))
    ledger.execute(open.client, price("tea", 8))
  end)

  it("does not migrate where the tools or the rules are wrong", function()
    g:write("002.sql", "CREATE TABLE more (id TEXT);\n")
    g:write("init.lua", migrations '"001.sql", "002.sql"')
    g:write("tools/list.lua", "return 1\n")
    check.refused(g:reload(), 400, "common.validation")
    assert.same({ "shop/001.sql" }, history())
  end)

  it("opens a database that is new, and leaves the others alone when it is wrong", function()
    local two = 'databases = { log = { file = "log.db", migrations = { "log.sql" } }, shop'
    g:write("002.sql", "CREATE TABLE more (id TEXT);\n")
    g:write("log.sql", "CREATE TABLE entries (id TEXT;\n")
    g:write("init.lua", migrations '"001.sql", "002.sql"' :gsub("databases = { shop", two, 1))
    refused("shop/log.sql", 1)
    assert.same({ "shop/001.sql" }, history())
    g:write("log.sql", "CREATE TABLE entries (id TEXT);\n")
    g:in_force()
    assert.same({ "shop/log.sql" }, history("log.db"))
    assert.same({ "shop/001.sql", "shop/002.sql" }, history())
    g:restore()
    g:write("002.sql", "CREATE TABLE more (id TEXT);\n")
    g:write("init.lua", migrations '"001.sql", "002.sql"')
    g:in_force()
    ledger.execute(open.client, price("tea", 8))
  end)

  it("keeps a name and its file together, so that receipts are found", function()
    g:write("init.lua", changed("init.lua", '"shop.db"', '"other.db"'))
    assert.is_truthy(refused("shop/init.lua", 0):find("shop.db", 1, true))
    g:write("init.lua", changed("init.lua", "shop = {", "store = {"))
    refused("shop/init.lua", 0)
    assert.is_nil(io.open(g:file("data/other.db")))
  end)
end)
