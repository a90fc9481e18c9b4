-- SPDX-License-Identifier: MIT
-- A small HTTP/1.1 client: keep-alive, one request or many at once, event streams, and raw bytes.
local connection = require "spec.support.connection"
local json = require "spec.support.json"
local socket = require "socket"

local http = {}

local timeout_s <const> = connection.timeout_s

-- Who looks at every answer: answer(request, response) with the request's method, path and body, and event(event).
local observer = { answer = function() end, event = function() end }

-- Gives who has looked until now.
function http.observe(new)
  local former = observer
  observer = new
  return former
end

local function encode_query(query)
  local parts = {}
  for name, value in pairs(query) do
    parts[#parts + 1] = name .. "=" .. tostring(value):gsub("[^%w%-._~]", function(c)
      return ("%%%02X"):format(c:byte())
    end)
  end
  table.sort(parts)
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

local function headers_of(address, request, body)
  local headers = { Host = address.host .. ":" .. address.port }
  if request.token then
    headers.Authorization = "Bearer " .. request.token
  end
  if body then
    headers["Content-Type"], headers["Content-Length"] = "application/json", #body
  end
  for name, value in pairs(request.headers or {}) do
    headers[name] = value or nil
  end
  return headers
end

-- request: method, path, query (a table), token, json (a value) or body (bytes), headers (false removes one).
local function body_of(request)
  return request.body or request.json ~= nil and json.encode(request.json) or nil
end

local function serialize(address, request)
  local body = body_of(request)
  local lines = { ("%s %s%s HTTP/1.1"):format(request.method, request.path, encode_query(request.query or {})) }
  for name, value in pairs(headers_of(address, request, body)) do
    lines[#lines + 1] = name .. ": " .. value
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

-- Takes the answer to a request, and shows it to the observer.
local function receive(conn, request, wait_s)
  local response, problem = conn:receive(request.method, wait_s)
  if response then
    observer.answer({ method = request.method, path = request.path, body = body_of(request) }, response)
  end
  return response, problem
end

local function exchange(conn, address, request)
  local ok, problem = conn:send(serialize(address, request))
  if not ok then
    return nil, problem
  end
  return receive(conn, request)
end

-- Gives {host, port} of "http://HOST:PORT"; of https also what ssl.wrap is to know, which trusts any certificate.
function http.address(base_url)
  local scheme, host, port = base_url:match("^(https?)://([^:/]+):(%d+)/?$")
  assert(host, "no address: " .. tostring(base_url))
  return { host = host, port = tonumber(port), tls = scheme == "https" and {} or nil }
end

local client = {}
client.__index = client

-- A caller with a token at a path; nothing is connected before the first request.
function http.client(address, prefix, token)
  return setmetatable({ address = address, prefix = prefix or "", token = token }, client)
end

-- Fills in what every request of this client has.
function client:complete(request)
  local complete = { token = self.token }
  for name, value in pairs(request) do
    complete[name] = value
  end
  complete.path = self.prefix .. request.path
  return complete
end

-- One request on the client's own connection, which is made anew when the server closed it while it was idle.
function client:request(request)
  local complete, reused = self:complete(request), self.connection ~= nil
  self.connection = self.connection or connection.open(self.address)
  local response, problem = exchange(self.connection, self.address, complete)
  if not response and reused then
    self:close()
    self.connection = connection.open(self.address)
    response, problem = exchange(self.connection, self.address, complete)
  end
  if not response or response.closes then
    self:close()
  end
  return assert(response, ("%s %s: %s"):format(complete.method, complete.path, problem))
end

-- One request over a connection that the caller holds; nil and why when it broke before the whole answer.
function client:over(conn, request)
  return exchange(conn, self.address, self:complete(request))
end

function client:close()
  if self.connection then
    self.connection:close()
    self.connection = nil
  end
end

function client:get(path, query, headers)
  return self:request { method = "GET", path = path, query = query, headers = headers }
end

-- A body that is absent is not sent.
function client:post(path, body, headers)
  return self:request { method = "POST", path = path, json = body, headers = headers }
end

function client:patch(path, body)
  return self:request { method = "PATCH", path = path, json = body }
end

function client:delete(path)
  return self:request { method = "DELETE", path = path }
end

local pending = {}
pending.__index = pending

-- Sends a request on a connection of its own and does not wait for the answer.
function client:start(request)
  local complete = self:complete(request)
  local conn = connection.open(self.address)
  assert(conn:send(serialize(self.address, complete)))
  return setmetatable({ connection = conn, request = complete }, pending)
end

-- Gives the answer, or nil and "timeout" when there is none after wait_s seconds; then it may be asked again.
function pending:finish(wait_s)
  local response, problem = receive(self.connection, self.request, wait_s)
  if response or problem ~= "timeout" then
    self.connection:close()
  end
  return response, problem
end

local stream = {}
stream.__index = stream

-- Opens an event stream; gives it and the response's head.
function client:stream(path, headers)
  local request = self:complete { method = "GET", path = path, headers = headers }
  local conn = connection.open(self.address)
  assert(conn:send(serialize(self.address, request)))
  local head = assert(conn:read_until("\r\n\r\n", socket.gettime() + timeout_s))
  local response = connection.parse_head(head)
  local chunked = (response.headers["transfer-encoding"] or ""):lower() == "chunked"
  response.text = ""
  observer.answer({ method = "GET", path = request.path }, response)
  return setmetatable({ connection = conn, chunked = chunked, text = "" }, stream), response
end

function stream:fill(deadline)
  local conn = self.connection
  if not self.chunked then
    local ok, problem = conn:fill(deadline)
    self.text = self.text .. conn:take(#conn.buffer)
    return ok, problem
  end
  local size, problem = conn:read_until("\r\n", deadline)
  size = size and tonumber(size:match("^%x+"), 16)
  if not size or size == 0 then
    return nil, problem or "closed"
  end
  self.text = self.text .. assert(conn:read_count(size + 2, deadline)):sub(1, -3)
  return true
end

local function parse_event(block)
  local event, data = {}, {}
  for line in (block .. "\n"):gmatch("([^\n]*)\n") do
    local name, value = line:match("^(%a+): ?(.*)$")
    if name == "data" then
      data[#data + 1] = value
    elseif name then
      event[name] = value
    end
  end
  event.data = #data > 0 and table.concat(data, "\n") or nil
  event.body = event.data and json.decode(event.data) or nil
  return event
end

-- Gives the next event that has data, {id, event, data, body}; nil and "closed" or "timeout".
function stream:next(wait_s)
  local deadline = socket.gettime() + (wait_s or timeout_s)
  while true do
    self.text = self.text:gsub("\r\n", "\n")
    local from, to = self.text:find("\n\n", 1, true)
    if from then
      local event = parse_event(self.text:sub(1, from - 1))
      self.text = self.text:sub(to + 1)
      if event.data then
        observer.event(event)
        return event
      end
    else
      local ok, problem = self:fill(deadline)
      if not ok then
        return nil, problem
      end
    end
  end
end

function stream:close()
  self.connection:close()
end

-- Runs jobs (functions that wait by coroutine.yield) as coroutines until all have ended.
function http.run(jobs)
  local waiting, deadline = {}, socket.gettime() + 4 * timeout_s
  local function step(thread, ...)
    local ok, sock, mode = coroutine.resume(thread, ...)
    assert(ok, sock)
    if coroutine.status(thread) ~= "dead" then
      waiting[sock] = { thread = thread, mode = mode }
    end
  end
  for _, job in ipairs(jobs) do
    step(coroutine.create(job))
  end
  while next(waiting) do
    local readers, writers = {}, {}
    for sock, entry in pairs(waiting) do
      local list = entry.mode == "read" and readers or writers
      list[#list + 1] = sock
    end
    local readable, writable = socket.select(readers, writers, timeout_s)
    assert(#readable + #writable > 0 and socket.gettime() < deadline, "requests were not answered in time")
    for _, list in ipairs { readable, writable } do
      for _, sock in ipairs(list) do
        local entry = waiting[sock]
        waiting[sock] = nil
        step(entry.thread, true)
      end
    end
  end
end

-- Sends requests over at most concurrency connections at once; gives the answers in the requests' order. Each request
-- may name its own client; owner is whose it is otherwise.
function http.parallel(owner, requests, concurrency)
  local answers, next_index, jobs = {}, 1, {}
  local function job()
    local conn = connection.open(owner.address, coroutine.yield)
    while next_index <= #requests do
      local index = next_index
      next_index = index + 1
      local request = requests[index]
      local complete = (request.client or owner):complete(request)
      local response, problem = exchange(conn, owner.address, complete)
      answers[index] = assert(response, problem)
      if response.closes then
        conn:close()
        conn = connection.open(owner.address, coroutine.yield)
      end
    end
    conn:close()
  end
  for i = 1, math.min(concurrency, #requests) do
    jobs[i] = job
  end
  http.run(jobs)
  return answers
end

-- Sends bytes as they are and gives the answer, or nil and why there was none.
function http.raw(address, bytes, method)
  local conn = connection.open(address)
  conn:send(bytes)
  local response, problem = conn:receive(method or "GET")
  conn:close()
  local verb, path = bytes:match("^(%u+) (%S+) ")
  if response and verb then
    observer.answer({ method = method or verb, path = path }, response)
  end
  return response, problem
end

return http
