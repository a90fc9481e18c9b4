-- SPDX-License-Identifier: MIT
-- A gateway whose adapter "crm" (spec/fixtures/upstreams) reaches a small system over HTTP, and that system.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local ltn12 = require "ltn12"
local socket = require "socket"
local socket_http = require "socket.http"

local crm = {}
crm.__index = crm

local sanitized <const> = gateway.program():find "[at]san" ~= nil

crm.scopes = { "crm.read", "crm.write" }

local function start_server(self)
  os.remove(self.dir .. "/port")
  os.execute(("node spec/support/crm.mjs %d >'%s/port' 2>>'%s/node.log' & echo $! >'%s/pid'")
    :format(self.port or 0, self.dir, self.dir, self.dir))
  self.port = gateway.eventually("the upstream listens", function()
    return tonumber(gateway.read_file(self.dir .. "/port") or "")
  end)
  self.pid = tonumber(gateway.read_file(self.dir .. "/pid"))
end

-- Ends the system; it can be started again on its port, and then it has forgotten everything.
function crm:kill_server()
  os.execute(("kill -KILL %d 2>/dev/null"):format(self.pid))
  gateway.eventually("the upstream is gone", function()
    return os.execute(("kill -0 %d 2>/dev/null"):format(self.pid)) == nil
  end)
end
crm.start_server = start_server

local function ask(self, path, body)
  local parts = {}
  local _, status = socket_http.request {
    url = ("http://127.0.0.1:%d%s"):format(self.port, path), method = body and "POST" or "GET",
    headers = { ["Content-Length"] = body and #body or nil },
    source = body and ltn12.source.string(body), sink = ltn12.sink.table(parts),
  }
  assert(status == 200, status)
  return json.decode(table.concat(parts))
end

-- How it behaves from now on: before and after an effect ("hang", "close", a status), read, receipt, weak.
function crm:mode(how) ask(self, "/_mode", next(how or {}) and json.encode(how) or "{}") end

-- Somebody else changes an order.
function crm:touch(order) ask(self, "/_touch/" .. order, "{}") end

-- What it has seen: sends and effects by key, reads, requests by trace.
function crm:seen() return ask(self, "/_seen") end

-- How often a request with this key came, and how often it had an effect.
function crm:counts(key)
  local seen = self:seen()
  return seen.sends[key] or 0, seen.effects[key] or 0
end

-- Fails unless no key was ever sent twice, nor had two effects.
function crm:assert_once()
  local seen = self:seen()
  for key, n in pairs(seen.sends) do assert(n == 1, key .. " was sent " .. n .. " times") end
  for key, n in pairs(seen.effects) do assert(n == 1, key .. " had " .. n .. " effects") end
  return seen
end

-- An order that no test has had yet.
local last = 0
function crm.order()
  last = last + 1
  return "o" .. last
end

-- The action that cancels an order, with a key of its own.
function crm.cancel(order, more)
  local action = { action = "order.cancel", payload = { orderId = order or crm.order(), reason = "Spec" },
    idempotencyKey = ledger.unique("key"), execute = true, justification = "A spec." }
  for name, value in pairs(more or {}) do action[name] = value end
  return action
end

-- The action that ships one: what its answers mean is said by functions.
function crm.ship(more)
  local action = crm.cancel(nil, more)
  action.action, action.payload.reason = "order.ship", nil
  return action
end

-- Writes the configuration; base: a path below which the system is said to be.
function crm:config(base)
  local timeout_ms = sanitized and 3000 or 1000
  gateway.write_file(self.dir .. "/oppd.yaml", ([[
timeouts: { unknown_retry_seconds: 1 }
upstreams:
  crm:
    base_url: http://127.0.0.1:%d%s
    timeout_ms: %d
    connect_timeout_ms: %d
    connections_max: 200
]]):format(self.port, base or "", timeout_ms, timeout_ms))
  return self.dir .. "/oppd.yaml"
end

-- Starts both; options are those of a gateway.
function crm.start(options)
  local self = setmetatable({ dir = gateway.make_dir() }, crm)
  options = options or {}
  start_server(self)
  local settings = { adapters = options.adapters or "spec/fixtures/upstreams",
    flags = { "--config", self:config() } }
  for name, value in pairs(options) do settings[name] = value end
  self.g = gateway.start(settings)
  self.app = self.g:open_app { scopes = crm.scopes }
  self.agent = self.app.client
  return self
end

function crm.stop(self)
  if not self then return end
  self:mode()
  gateway.stop(self.g)
  self:kill_server()
  os.execute("rm -rf " .. self.dir)
end

-- The effect's id of the last execution under a key.
function crm:effect_id(key)
  local db = require "spec.support.db"
  local rows = db.rows(self.g.data .. "/gateway.db",
    "SELECT effect_id, status FROM executions WHERE idempotency_key = :key ORDER BY id DESC", { key = key })
  return rows[1] and rows[1].effect_id, rows[1] and rows[1].status
end

-- Starts so many requests that hang in the system, and gives them when it has seen them all; what(i) makes one. Fails
-- unless another is answered meanwhile.
function crm:hangs(how, count, what)
  local before, waiting, socks = self:seen().asked, {}, {}
  self:mode(how)
  for i = 1, count do
    waiting[i] = self.agent:start(what(i))
    socks[i] = waiting[i].connection.sock
  end
  gateway.eventually("the system has seen them", function() return self:seen().asked >= before + count end)
  check.ok(self.agent:get("/manifest"))
  assert(#socket.select(socks, nil, 0) == 0, "the others were answered first")
  return waiting
end

function crm:executes(action) return check.ok(self.agent:post("/actions", action)) end

return crm
