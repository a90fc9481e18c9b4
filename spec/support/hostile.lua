-- SPDX-License-Identifier: MIT
-- Strangers on the network: each function connects to an address, does its worst, and leaves. Where an answer must come
-- it gives the status, and otherwise nothing.
local connection = require "spec.support.connection"

local hostile = {}

-- Sends bytes and gives the status of the answer, or nil when the connection was closed without one.
local function status_of(address, bytes)
  local conn = connection.open(address, coroutine.yield)
  conn:send(bytes)
  local response = conn:receive("GET")
  conn:close()
  return response and response.status
end

-- Sends bytes and leaves without reading.
local function leave(address, bytes)
  local conn = connection.open(address, coroutine.yield)
  conn:send(bytes)
  conn:close()
end

local get <const> = "GET /api/agent/v1/manifest HTTP/1.1\r\nHost: x\r\n"
local post <const> = "POST /api/agent/v1/actions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

-- What is refused, and how.
local refused <const> = {
  { get .. "\r\n", 401 },
  { get .. "Authorization: Bearer op_" .. ("x"):rep(48) .. "\r\n\r\n", 401 },
  { get .. "A: " .. ("a"):rep(17 * 1024) .. "\r\n\r\n", 431 },
  { get .. "Host: y\r\n\r\n", 400 },
  { get .. " folded\r\n\r\n", 400 },
  { get:gsub("\r\n", "\n") .. "\n", 400 },
  { get:gsub("/manifest", "//manifest") .. "\r\n", 400 },
  { get:gsub("1%.1", "1.9") .. "\r\n", 505 },
  { "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501 },
  { "\22\3\1\2\0\1\0\1\252\3\3" .. ("\0"):rep(64), 400 },
  { post .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411 },
  { post .. "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400 },
  { post .. "Content-Length: 99999999\r\n\r\n", 413 },
  { post .. "Content-Length: 200000\r\n\r\n" .. ("x"):rep(1000), 401 },
  { post .. "Content-Length: 2\r\nExpect: magic\r\n\r\n", 417 },
}

-- What is left behind unfinished.
local left <const> = {
  "",
  "GET /api",
  get,
  get .. "\r\n" .. get .. "\r\n" .. get,
  post .. "Content-Length: 100\r\n\r\n{",
}

-- One connection, the nth.
function hostile.connect(address, n)
  if n % 4 == 0 then
    leave(address, left[n // 4 % #left + 1])
    return
  end
  local case = refused[n % #refused + 1]
  local status = status_of(address, case[1])
  assert(status == case[2], ("expected %d, got %s: %q"):format(case[2], status, case[1]:sub(1, 80)))
  return status
end

return hostile
