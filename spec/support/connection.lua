-- SPDX-License-Identifier: MIT
-- One connection: bytes out, HTTP responses in, waiting in whatever way its owner does.
local json = require "spec.support.json"
local socket = require "socket"

local connection = {}
connection.__index = connection

-- Generous, because the same specs run under sanitizers on busy machines.
connection.timeout_s = 60

-- How a connection waits when it is alone; in http.parallel a coroutine yields instead.
local function select_one(sock, mode, deadline)
  local left = math.max(deadline - socket.gettime(), 0)
  local list = { sock }
  local readable, writable = socket.select(mode == "read" and list or nil, mode == "write" and list or nil, left)
  return #readable + #writable > 0
end

-- How LuaSec says that a socket has no bytes or no room now.
local busy <const> = { timeout = true, wantread = true, wantwrite = true }

-- Gives the socket with TLS on it, or nil and why there is none. wishes: what ssl.wrap takes besides.
function connection.secure(sock, wishes)
  local parameters = { mode = "client", protocol = "any", verify = "none", options = "all" }
  for name, value in pairs(wishes) do
    parameters[name] = value
  end
  local ssl = require "ssl"
  local secured = assert(ssl.wrap(sock, parameters))
  local ok, problem = secured:dohandshake()
  return ok and secured or nil, problem
end

-- Connects to {host, port, tls}; wait(sock, mode, deadline) says whether the socket became ready in time.
function connection.open(address, wait)
  local sock = assert(socket.tcp())
  sock:settimeout(connection.timeout_s)
  assert(sock:connect(address.host, address.port))
  sock:setoption("tcp-nodelay", true)
  if address.tls then
    sock = assert(connection.secure(sock, address.tls))
  end
  sock:settimeout(0)
  return setmetatable({ sock = sock, buffer = "", wait = wait or select_one }, connection)
end

function connection:close()
  self.sock:close()
end

function connection:send(bytes)
  local deadline, at = socket.gettime() + connection.timeout_s, 1
  while at <= #bytes do
    local sent, problem, partial = self.sock:send(bytes, at)
    at = (sent or partial or at - 1) + 1
    if busy[problem] then
      assert(self.wait(self.sock, "write", deadline), "no room to send")
    elseif problem then
      return nil, problem
    end
  end
  return true
end

-- Reads what there is, waiting for at least one byte; nil and "closed" or "timeout".
function connection:fill(deadline)
  while true do
    local bytes, problem, partial = self.sock:receive(65536)
    local got = bytes or partial
    if got and #got > 0 then
      self.buffer = self.buffer .. got
      return true
    elseif not busy[problem] then
      return nil, problem
    elseif not self.wait(self.sock, "read", deadline) then
      return nil, "timeout"
    end
  end
end

function connection:take(count)
  local taken = self.buffer:sub(1, count)
  self.buffer = self.buffer:sub(count + 1)
  return taken
end

function connection:read_until(mark, deadline)
  local from, to = self.buffer:find(mark, 1, true)
  while not from do
    local ok, problem = self:fill(deadline)
    if not ok then
      return nil, problem
    end
    from, to = self.buffer:find(mark, 1, true)
  end
  local taken = self:take(to)
  return taken:sub(1, from - 1)
end

function connection:read_count(count, deadline)
  while #self.buffer < count do
    local ok, problem = self:fill(deadline)
    if not ok then
      return nil, problem
    end
  end
  return self:take(count)
end

function connection.parse_head(head)
  local response = { headers = {}, status = tonumber(head:match("^HTTP/1%.[01] (%d%d%d)")), head = head }
  for name, value in head:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    name = name:lower()
    response.headers[name] = response.headers[name] and response.headers[name] .. ", " .. value or value
  end
  response.closes = (response.headers.connection or ""):lower() == "close" or head:find("^HTTP/1%.0") ~= nil
  return response
end

function connection:read_chunked(deadline)
  local parts = {}
  while true do
    local size, problem = self:read_until("\r\n", deadline)
    if not size then
      return nil, problem
    end
    size = tonumber(size:match("^%x+"), 16)
    local chunk = self:read_count(size + 2, deadline)
    if size == 0 or not chunk then
      return table.concat(parts)
    end
    parts[#parts + 1] = chunk:sub(1, -3)
  end
end

local function has_no_body(method, status)
  return method == "HEAD" or status == 204 or status == 304
end

function connection:read_body(method, response, deadline)
  local headers = response.headers
  if has_no_body(method, response.status) then
    return ""
  elseif (headers["transfer-encoding"] or ""):lower() == "chunked" then
    return self:read_chunked(deadline)
  elseif headers["content-length"] then
    return self:read_count(tonumber(headers["content-length"]), deadline)
  end
  repeat
    local ok = self:fill(deadline)
  until not ok
  return self:take(#self.buffer)
end

-- Gives {status, headers, text, body}, or nil and why there was none.
function connection:receive(method, wait_s)
  local deadline = socket.gettime() + (wait_s or connection.timeout_s)
  local head, problem = self:read_until("\r\n\r\n", deadline)
  if not head then
    return nil, problem
  end
  local response = connection.parse_head(head)
  response.text, problem = self:read_body(method, response, deadline)
  if not response.text then
    return nil, problem
  end
  if (response.headers["content-type"] or ""):find("^application/json") and response.text ~= "" then
    response.body = json.decode(response.text)
  end
  return response
end

return connection
