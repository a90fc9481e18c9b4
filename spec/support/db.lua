-- SPDX-License-Identifier: MIT
-- Asks a SQLite file through the sqlite3 program, from outside of whoever owns it.
local json = require "spec.support.json"

local db = {}

local function literal(value)
  if value == nil or value == json.null then
    return "NULL"
  elseif type(value) == "string" then
    return "'" .. value:gsub("'", "''") .. "'"
  end
  return json.number(value)
end

local function run(path, flags, sql)
  local script = os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write(sql)
  file:close()
  local pipe = assert(io.popen(("sqlite3 -bail -cmd '.timeout 10000' %s '%s' < '%s' 2>&1"):format(flags, path, script)))
  local output = pipe:read("a")
  local ok = pipe:close()
  os.remove(script)
  assert(ok, output)
  return output
end

-- Puts the values of params in the place of :name.
function db.bind(sql, params)
  return (sql:gsub(":(%a[%w_]*)", function(name)
    return literal(params[name])
  end))
end

-- Gives the rows of a query; the database is not changed.
function db.rows(path, sql, params)
  local output = run(path, "-readonly -json", db.bind(sql, params or {}) .. ";")
  return output:find("%S") and assert(json.decode(output)) or {}
end

-- Runs statements in one transaction and gives the rows of the last that has any.
function db.change(path, sql, params)
  local output = run(path, "-json", "BEGIN;" .. db.bind(sql, params or {}) .. ";COMMIT;")
  return output:find("%S") and assert(json.decode(output)) or {}
end

-- Runs a file of statements.
function db.load(path, script)
  local file = assert(io.open(script))
  local sql = file:read("a")
  file:close()
  run(path, "", sql)
end

return db
