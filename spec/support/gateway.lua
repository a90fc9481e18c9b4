-- SPDX-License-Identifier: MIT
-- A real oppd on a free port with a data directory of its own, and the people and apps that talk to it.
local connection = require "spec.support.connection"
local http = require "spec.support.http"
local json = require "spec.support.json"
local lfs = require "lfs"
local openapi = require "spec.support.openapi"
local socket = require "socket"

local gateway = {}
gateway.__index = gateway

-- Every answer and event of a gateway must be one that docs/openapi.yaml describes.
local validates <const> = os.getenv("OPP_VALIDATE") ~= "0"
if validates then
  http.observe(openapi.observer())
end

local start_s <const>, stop_s <const> = 60, 30
local agent_prefix <const>, admin_prefix <const> = "/api/agent/v1", "/api/agent-admin/v1"

-- Every scope that a ledger tool asks for.
gateway.scopes = { "ledger.read", "transaction.read", "transaction.write", "transaction.delete", "transaction.export" }

-- Windows in which everything executes at once, for as long as any run takes.
gateway.open_windows = {
  writes = { enabled = true, expires_in = 86400 },
  high_risk = { enabled = true, expires_in = 86400, require_preflight = false, require_idempotency = false },
}

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function wait_for(limit_s, ask)
  local deadline = socket.gettime() + limit_s
  repeat
    local answer = ask()
    if answer then
      return answer
    end
    socket.sleep(0.01)
  until socket.gettime() > deadline
end

-- Asks until it answers something that is not nil or false; an error with what was waited for otherwise.
function gateway.eventually(what, ask)
  return assert(wait_for(start_s, ask), "this did not happen in time: " .. what)
end

function gateway.program()
  return os.getenv("OPPD") or "build/oppd"
end

-- The same with a disk that fails on demand: see tests/faults/plan.h.
function gateway.faulty_program()
  return (gateway.program():gsub("[^/]*$", "tests/oppd_faults"))
end

-- Whether the program was built to end at the step that OPP_CRASH_AT names.
function gateway.has_crash_points()
  return assert(read_file(gateway.program())):find("OPP_CRASH_AT", 1, true) ~= nil
end

-- Gives the output of a command of oppd, both streams, and its exit code; with a NAME=value of the environment, and of
-- another program, if told.
function gateway.run(arguments, environment, program)
  local command = ("timeout 60 env %s %s %s 2>&1 </dev/null"):format(environment or "", program or gateway.program(),
    arguments)
  local pipe = assert(io.popen(command))
  local output = pipe:read("a")
  local _, _, code = pipe:close()
  return output, code
end

function gateway.make_dir()
  local dir = os.tmpname()
  os.remove(dir)
  assert(lfs.mkdir(dir))
  return dir
end

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function command_line(self, listen)
  local words = { "env" }
  for _, list in ipairs { self.options.environment or {}, self.environment or {} } do
    table.move(list, 1, #list, #words + 1, words)
  end
  for _, word in ipairs {
    self.options.program or gateway.program(), "serve",
    "--listen", listen, "--data", self.data, "--policies", self.options.policies or "policies",
    "--adapters", self.options.adapters or "adapters", "--workers", os.getenv("OPP_WORKERS") or "4",
    "--rate-limit", self.options.rate_limit or 1000000, "--credentials", self.dir .. "/credentials.json", "--demo",
  } do
    words[#words + 1] = word
  end
  if self.options.config then
    table.move({ "--config", self:file("oppd.yaml") }, 1, 2, #words + 1, words)
  end
  for _, word in ipairs(self.options.flags or {}) do
    words[#words + 1] = word
  end
  for i, word in ipairs(words) do
    words[i] = quote(word)
  end
  return table.concat(words, " ")
end

-- The shell that starts oppd leaves its pid and, when it has ended, its exit code in files.
local function spawn(self, listen)
  self.pid_file, self.exit_file = self.dir .. "/pid", self.dir .. "/exit"
  os.remove(self.exit_file)
  os.remove(self.pid_file)
  local script = ("%s </dev/null >>%s 2>>%s & echo $! >%s.new; mv %s.new %s; wait $!; echo $? >%s.new; mv %s.new %s")
    :format(command_line(self, listen), quote(self.dir .. "/out"), quote(self.log_file), self.pid_file, self.pid_file,
      self.pid_file, self.exit_file, self.exit_file, self.exit_file)
  os.execute("sh -c " .. quote(script) .. " >/dev/null 2>&1 &")
  self.pid = tonumber(wait_for(start_s, function() return read_file(self.pid_file) end))
end

function gateway:fail(what)
  error(("%s\n--- the end of its log:\n%s"):format(what, (self:log() or ""):sub(-4000)), 0)
end

function gateway:log()
  return read_file(self.log_file)
end

-- No connection and a broken one mean not yet; what is wrong with an answer is an error, as everywhere.
local function ready(self)
  local open, conn = pcall(connection.open, self.address)
  if not open then
    return false
  end
  local response = self:client(""):over(conn, { method = "GET", path = "/readyz" })
  conn:close()
  return response and response.status == (self.ready_status or 200)
end

local function await_ready(self)
  local function ended() return read_file(self.exit_file) end
  local text = wait_for(start_s, function() return ended() or read_file(self.dir .. "/credentials.json") end)
  if ended() or not text then
    self:fail("oppd did not start: exit " .. tostring(ended()))
  end
  self.credentials = assert(json.decode(text))
  self.base_url = self.credentials.base_url
  self.address = http.address(self.base_url)
  wait_for(start_s, function() return ended() or ready(self) end)
  if ended() or not ready(self) then
    self:fail("oppd did not become ready: exit " .. tostring(ended()))
  end
end

-- Starts one. options: rate_limit, listen, policies, adapters (directories), config (the text of its oppd.yaml), flags
-- (more words of the command line), program (instead of gateway.program()), environment (an array of "NAME=value").
function gateway.start(options)
  if validates then
    openapi.shared():validator() -- if there is none, it says so while nothing runs yet
  end
  local self = setmetatable({ options = options or {}, dir = gateway.make_dir() }, gateway)
  self.data, self.log_file = self.dir .. "/data", self.dir .. "/log"
  if self.options.config then
    write_file(self:file("oppd.yaml"), self.options.config)
  end
  spawn(self, self.options.listen or "127.0.0.1:0")
  await_ready(self)
  self.agent = self:client(agent_prefix, self.credentials.agent_token)
  self.admin = self:client(admin_prefix, self.credentials.admin_token)
  return self
end

function gateway:client(prefix, token)
  return http.client(self.address, prefix, token)
end

function gateway:agent_client(token) return self:client(agent_prefix, token) end
function gateway:admin_client(token) return self:client(admin_prefix, token) end

local function signal(self, name)
  os.execute(("kill -%s %d 2>/dev/null"):format(name, self.pid))
end

-- What did not end is killed here, so that whoever stops the gateway later does not take that for its own exit code.
local function await_exit(self, why)
  local code = wait_for(stop_s, function() return read_file(self.exit_file) end)
  if not code then
    signal(self, "KILL")
    self.pid = nil
    self:fail(("oppd did not end within %d s %s"):format(stop_s, why))
  end
  self.pid = nil
  self.agent:close()
  self.admin:close()
  return tonumber(code)
end

-- Asks it to end and gives the exit code.
function gateway:terminate()
  signal(self, "TERM")
  return await_exit(self, "of SIGTERM")
end

-- Waits until it has ended by itself and gives the exit code.
function gateway:await_end()
  return await_exit(self, "by itself")
end

-- Ends it without a chance to say goodbye.
function gateway:kill()
  signal(self, "KILL")
  return await_exit(self, "of SIGKILL")
end

-- Lets it be killed so many seconds from now; await_end waits for it.
function gateway:kill_after(seconds)
  os.execute(("(sleep %.3f; kill -KILL %d) >/dev/null 2>&1 &"):format(seconds, self.pid))
end

local function spawn_again(self, environment)
  if self.pid then
    self:terminate()
  end
  self.environment = type(environment) == "string" and { environment } or environment
  spawn(self, ("%s:%d"):format(self.address.host, self.address.port))
end

-- Starts it again on the same data and the same port; environment ("NAME=value", or several in an array) is for this
-- one start. Gives the seconds until it was ready.
function gateway:restart(environment)
  local began = socket.gettime()
  spawn_again(self, environment)
  await_ready(self)
  return socket.gettime() - began
end

-- Starts it again where it must end before it is ready; gives the exit code.
function gateway:restart_in_vain(environment)
  spawn_again(self, environment)
  return await_exit(self, "at its start")
end

-- Starts it again where it may end before it is ready; then gives nil and the exit code.
function gateway:restart_if_it_can(environment)
  spawn_again(self, environment)
  wait_for(start_s, function() return read_file(self.exit_file) or ready(self) end)
  if not read_file(self.exit_file) then
    return true
  end
  return nil, await_exit(self, "at its start")
end

-- Ends a gateway, if there is one, and its data; it must have ended well.
function gateway.stop(self)
  if not self then
    return
  end
  if self.pid then
    local code = self:terminate()
    if code ~= 0 then
      self:fail("oppd ended with " .. code)
    end
  end
  os.execute("rm -rf " .. quote(self.dir))
end

local function ok(response)
  assert(response.status == 200, response.text)
  return response.body.data
end

-- Makes an app of org_demo with every ledger scope, or what fields say; gives {app, key, token, client}.
function gateway:app(fields)
  local request = { scope = "workspace", name = "Spec", org_id = "org_demo", scopes = gateway.scopes }
  for name, value in pairs(fields or {}) do
    request[name] = value
  end
  if request.scope == "personal" then
    request.org_id = nil
  end
  local made = ok(self.admin:post("/apps", request))
  made.client = self:agent_client(made.token)
  return made
end

-- Makes an app whose actions execute at once.
function gateway:open_app(fields)
  local request = { auto_execute = gateway.open_windows }
  for name, value in pairs(fields or {}) do
    request[name] = value
  end
  return self:app(request)
end

-- Makes an admin token for a person; gives {admin_token, token, client}.
function gateway:person(user_id, roles, org_ids)
  local made = ok(self.admin:post("/tokens", { user_id = user_id, name = user_id, roles = roles, org_ids = org_ids }))
  made.client = self:admin_client(made.token)
  return made
end

-- Gives every audit row that the query selects, newest first.
function gateway:audit(query)
  local rows, cursor = {}, nil
  repeat
    local page = { limit = 500, cursor = cursor }
    for name, value in pairs(query or {}) do
      page[name] = value
    end
    local data = ok(self.admin:get("/audit", page))
    table.move(data.items, 1, #data.items, #rows + 1, rows)
    cursor = data.nextCursor
  until cursor == json.null or cursor == nil
  return rows
end

-- The path of a file of the gateway's own, for those who look from outside.
function gateway:file(name)
  return self.dir .. "/" .. name
end

gateway.read_file, gateway.write_file = read_file, write_file

return gateway
