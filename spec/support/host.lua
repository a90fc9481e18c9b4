-- SPDX-License-Identifier: MIT
-- A small stand-in for what the gateway gives to an adapter, so that its Lua and its SQL can be tried without one.
local db = require "spec.support.db"
local json = require "spec.support.json"

local host = {}
host.__index = host

local day_ms <const> = 86400000

local function days_of(year, month, day)
  local y = month <= 2 and year - 1 or year
  local era_day = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
  return y * 365 + y // 4 - y // 100 + y // 400 + era_day - 719468
end

local date = {}

function date.day(text)
  local y, m, d = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  return y and days_of(tonumber(y), tonumber(m), tonumber(d)) * day_ms or nil
end

function date.parse(text)
  local day, h, m, s, fraction, zone = text:match("^(%d+%-%d+%-%d+)T(%d%d):(%d%d):(%d%d)(%.?%d*)(.*)$")
  local first = day and date.day(day)
  local sign, zh, zm = (zone == "Z" and "+00:00" or zone or ""):match("^([+-])(%d%d):(%d%d)$")
  if not first or not sign then
    return nil
  end
  local offset = (tonumber(zh) * 60 + tonumber(zm)) * 60000 * (sign == "+" and 1 or -1)
  local ms = math.floor((tonumber("0" .. fraction) or 0) * 1000 + 0.5)
  return first + (tonumber(h) * 3600 + tonumber(m) * 60 + tonumber(s)) * 1000 + ms - offset
end

function date.format(ms)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

local function refusal(kind)
  return function(...)
    return { refusal = kind, ... }
  end
end

local function environment(dir)
  local env, loaded = {}, {}
  for name in ("assert error ipairs next pairs pcall select tonumber tostring type math string table"):gmatch("%a+") do
    env[name] = _G[name]
  end
  env.null, env.array, env.json, env.date = json.null, json.array, json, date
  env.refuse = { invalid = refusal "invalid", gone = refusal "gone", conflict = refusal "conflict" }
  env.sql = { effect = function(effect) return effect end }
  env.value = function(effect) return effect end
  env.from = setmetatable({}, { __index = function(_, name) return { from = name } end })
  env.require = function(name)
    local path = dir .. "/" .. name:gsub("%.", "/") .. ".lua"
    loaded[name] = loaded[name] or assert(loadfile(path, "t", env))()
    return loaded[name]
  end
  return env
end

-- Gives an adapter with its demo data in a database of its own.
function host.open(dir)
  local self = setmetatable({ dir = dir, path = os.tmpname(), tools = {}, env = environment(dir) }, host)
  self.adapter = assert(loadfile(dir .. "/init.lua", "t", self.env))()
  for _, tool in ipairs(self.adapter.tools) do
    self.tools[tool.name] = tool
  end
  local database = self.adapter.databases.ledger
  for _, migration in ipairs(database.migrations) do
    db.load(self.path, dir .. "/" .. migration)
  end
  db.load(self.path, dir .. "/" .. database.demo)
  return self
end

function host:close()
  os.remove(self.path)
end

function host:rows(sql, params)
  return db.rows(self.path, sql, params)
end

-- What a tool is given; fields replaces parts of it.
function host:call(payload, fields)
  local reader = {
    rows = function(_, sql, params) return self:rows(sql, params) end,
    row = function(_, sql, params) return self:rows(sql, params)[1] end,
    value = function(_, sql, params)
      local row = self:rows(sql, params)[1]
      return row and select(2, next(row))
    end,
  }
  local call = {
    payload = payload,
    now = date.parse("2026-11-20T12:00:00.000Z"),
    app = { policy = json.null },
    limits = {},
    boundary = { org_id = "org_demo", user_id = json.null, allowed = {} },
    sql = function() return reader end,
    new_id = function() return "txn_new" end,
  }
  for name, value in pairs(fields or {}) do
    call[name] = value
  end
  return call
end

-- Loads and describes the effect of an action, as the gateway does before it shows or runs it.
function host:describe(name, payload, fields)
  local tool, call = self.tools[name], self:call(payload, fields)
  local loaded = tool.load(call)
  local refused = loaded and tool.check and tool.check(call, loaded)
  local effect = not refused and tool.execute(call, loaded) or nil
  if effect and effect.refusal then
    refused, effect = effect, nil
  end
  return { call = call, loaded = loaded, refused = refused, effect = effect }
end

-- Runs the one statement of an effect; gives its rows.
function host:apply(effect, now_ms)
  local params = setmetatable({ now = date.format(now_ms), new_id_1 = "txn_new" }, { __index = effect[1][2] })
  return db.change(self.path, effect[1][1], params)
end

return host
