-- SPDX-License-Identifier: MIT
-- An agent at work in a process of its own, so many requests a second: reads, and actions that rules deny. To be run as
-- lua5.4 spec/support/load.lua BASE_URL TOKEN RATE STOP RESULT: until the file STOP is there; then RESULT says how many
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local socket = require "socket"

local base_url, token, rate, stop, result = table.unpack(arg)
local beat <const>, connections <const> = 0.1, 8

local function exists(path)
  local file = io.open(path, "rb")
  return file and file:close()
end

local agent = http.client(http.address(base_url), "/api/agent/v1", token)
local requests = {}
for i = 1, math.max(1, tonumber(rate) * beat // 1) do
  requests[i] = i % 4 == 0 and { method = "POST", path = "/actions", json = ledger.create() }
    or { method = "GET", path = "/ledgers" }
end

local asked, wrong, first = 0, 0, nil

local function note(text)
  wrong, first = wrong + 1, first or text
end

local function is_right(request, response)
  if request.method == "GET" then
    return response.status == 200
  end
  return response.status == 403 and response.body.code == "agent.policy_denied"
    and response.body.message:find("^Round %d+%.$") ~= nil
end

local function ask_all()
  local answered, responses = pcall(http.parallel, agent, requests, connections)
  asked = asked + #requests
  if not answered then
    return note(tostring(responses))
  end
  for i, response in ipairs(responses) do
    if not is_right(requests[i], response) then
      note(("%d %s"):format(response.status, response.text))
    end
  end
end

repeat
  local next_at = socket.gettime() + beat
  ask_all()
  socket.sleep(math.max(0, next_at - socket.gettime()))
until exists(stop)

local file = assert(io.open(result .. ".new", "wb"))
file:write(json.encode { asked = asked, wrong = wrong, first = first or "" })
file:close()
assert(os.rename(result .. ".new", result))
