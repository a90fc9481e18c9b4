-- SPDX-License-Identifier: MIT
-- A run against a server that somebody else started: who asks, with which apps, and what is left behind (nothing).
local expect = require "spec.conformance.expect"
local fixture = require "spec.conformance.fixture"
local http = require "spec.support.http"
local json = require "spec.support.json"
local socket = require "socket"

local kit = {}
kit.__index = kit

local agent_prefix <const>, admin_prefix <const> = "/api/agent/v1", "/api/agent-admin/v1"
local justification <const> = "The conformance kit asks for it."
local settle_s <const>, tries <const> = 30, 4

-- Windows in which everything executes at once.
kit.open_windows = {
  writes = { enabled = true },
  high_risk = { enabled = true, require_preflight = false, require_idempotency = false },
}

-- What an environment variable says; nil when it is not set or empty.
function kit.setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

function kit.merge(base, fields)
  for name, value in pairs(fields or {}) do
    base[name] = value
  end
  return base
end

local function parse_url(url)
  assert(url, "OPP_URL says where the server is; ./dev conformance URL sets it")
  local authority, base = url:match("^(http://[^/]+)(.-)/*$")
  assert(authority, "not an http:// address: " .. url)
  return http.address(authority:find(":%d+$") and authority or authority .. ":80"), base
end

-- Starts a run. skip is busted's pending as the running test sees it.
function kit.start(skip)
  local self = setmetatable({ apps = {}, made = {}, words = 0, word_of = {} }, kit)
  self.address, self.base = parse_url(kit.setting("OPP_URL"))
  self.fixture = fixture.load(kit.setting("OPP_FIXTURE"))
  self.run = ("kit-%08x-%06x"):format(os.time() & 0xffffffff, math.random(0xffffff))
  function self.skip(reason)
    skip("skipped: " .. reason)
  end
  return self
end

-- Waits and asks again when the server says 429: such a request had no side effect, and the kit is in no hurry.
local function patient(client)
  local once = client.request
  client.request = function(self, request)
    local response
    for _ = 1, tries do
      response = once(self, request)
      if response.status ~= 429 then
        break
      end
      socket.sleep(math.min(tonumber(response.headers["retry-after"]) or 1, 60))
    end
    return response
  end
  return client
end

-- Where people are known by a header instead of a token, every request carries it.
local function known_as(client, user)
  local complete = client.complete
  function client:complete(request)
    local whole = complete(self, request)
    whole.headers = kit.merge({ ["x-admin-user"] = user }, request.headers)
    return whole
  end
  return client
end

function kit:client(prefix, token) return patient(http.client(self.address, self.base .. prefix, token)) end
function kit:root() return self:client("") end
function kit:agent_client(token) return self:client(agent_prefix, token) end
function kit:admin_client(token) return self:client(admin_prefix, token) end

-- Gives the client of a person: of the token in a variable, of OPP_ADMIN_USER; skips the test when neither is set.
local function person(self, variable)
  local token, user = kit.setting(variable), kit.setting("OPP_ADMIN_USER")
  if not token and not user then
    self.skip("needs " .. variable)
  end
  local client = self:admin_client(token)
  return user and known_as(client, user) or client
end

function kit.has_admin()
  return kit.setting("OPP_ADMIN_TOKEN") or kit.setting("OPP_ADMIN_USER")
end

function kit:admin()
  self.admin_made = self.admin_made or person(self, "OPP_ADMIN_TOKEN")
  return self.admin_made
end

-- Who decides about drafts: somebody else, where the server wants that.
function kit:reviewer()
  return kit.setting("OPP_REVIEWER_TOKEN") and person(self, "OPP_REVIEWER_TOKEN") or self:admin()
end

-- The agent whose token was given.
function kit:given_agent()
  local token = kit.setting("OPP_AGENT_TOKEN")
  if not token then
    self.skip("needs OPP_AGENT_TOKEN")
  end
  return self:agent_client(token)
end

-- Makes an app with the fixture's scopes, or what fields say; gives {app, key, token, client}.
function kit:app(fields)
  local request = kit.merge({ name = self.run, scopes = self.fixture.scopes, key = { name = "kit" } }, self.fixture.app)
  local response = self:admin():post("/apps", kit.merge(request, fields))
  if response.status == 403 then
    expect.refused(response, 403, "agent.forbidden")
    self.skip("the admin token may not make apps")
  end
  local made = expect.ok(response)
  self.apps[#self.apps + 1] = made.app.id
  made.client = self:agent_client(made.token)
  return made
end

-- Makes another key of an app; gives {key, token, client}.
function kit:key(app, fields)
  local made = expect.ok(self:admin():post("/apps/" .. app.app.id .. "/keys", kit.merge({ name = "more" }, fields)))
  made.client = self:agent_client(made.token)
  return made
end

-- An agent whose actions become drafts: of an app of the kit's own, or the one whose token was given.
function kit:agent()
  if not self.agent_made then
    self.agent_made = kit.has_admin() and self:app().client or self:given_agent()
  end
  return self.agent_made
end

-- An agent whose actions execute at once.
function kit:open()
  self.open_made = self.open_made or self:app({ auto_execute = kit.open_windows }).client
  return self.open_made
end

function kit:set_windows(app, windows)
  return expect.ok(self:admin():patch("/apps/" .. app.app.id .. "/auto-execute", windows)).auto_execute
end

-- Gives the tools of a credential's manifest by name.
function kit.tools(client)
  local tools = {}
  for _, tool in ipairs(expect.ok(client:get("/manifest")).tools) do
    tools[tool.name] = tool
  end
  return tools
end

-- Gives what the manifest says of the fixture's create, change or remove.
function kit:tool(name)
  local action = self:action(name, "none").action
  local tool = kit.tools(self:agent())[action]
  if not tool then
    self.skip("the manifest has no " .. action)
  end
  return tool
end

-- A word that no other request of any run uses.
function kit:word()
  self.words = self.words + 1
  return ("%s-%04d"):format(self.run, self.words)
end

-- Gives the body of POST actions for the fixture's create, change or remove of what has the id made.
function kit:action(name, made, fields)
  local template = self.fixture[name]
  if not template then
    self.skip("the fixture has no " .. name)
  end
  local word = self:word()
  local action = fixture.fill(template, { word = word, made = made })
  action.justification = justification
  self.word_of[action] = word
  return kit.merge(action, fields)
end

function kit:create(fields)
  return self:action("create", nil, fields)
end

-- Gives the execution when it is no longer pending.
function kit.settled(client, execution)
  local deadline = socket.gettime() + settle_s
  while execution.status == "pending" and socket.gettime() < deadline do
    socket.sleep(0.2)
    execution = expect.ok(client:get("/drafts/" .. execution.draft_id)).execution
  end
  return expect.members(execution, expect.execution_members)
end

-- Notes what an execution made, so that it can be removed in the end; gives its id.
function kit:remember(execution)
  local id = self.fixture.made_id and fixture.at(execution.result, self.fixture.made_id)
  if id then
    self.made[id] = true
  end
  return id
end

-- Sends an action that must become a draft; gives the draft and the whole data.
function kit.draft(client, action)
  local data = expect.ok(client:post("/actions", action))
  assert(data.status == "draft", "expected a draft: " .. json.encode(data))
  expect.members(data, { "draft", "autoExecuteDeniedCode", "review_path" })
  return expect.members(data.draft, expect.draft_members), data
end

-- Sends an action that must execute at once; gives the execution, ended, and the whole data.
function kit:execute(client, action)
  local data = expect.ok(client:post("/actions", kit.merge({ execute = true }, action)))
  assert(data.status == "executed", "expected an execution: " .. json.encode(data))
  local execution = kit.settled(client, data.execution)
  assert(execution.status == "success", "expected a success: " .. json.encode(execution))
  self:remember(execution)
  return execution, data
end

-- Asks for an execution that must become a draft; gives why.
function kit.denied(client, action)
  local draft, data = kit.draft(client, kit.merge({ execute = true }, action))
  assert(draft.auto_execute_requested == true, "the draft does not say that execution was asked for")
  return data.autoExecuteDeniedCode
end

function kit.preflight(client, action)
  return expect.ok(client:post("/preflight", { action = action.action, payload = action.payload }))
end

-- Gives the answer to a reviewer's approval; skips the test when this server wants what the kit does not have.
function kit:decide(draft)
  local response = self:reviewer():post("/drafts/" .. draft.id .. "/approve", json.object {})
  local body = expect.envelope(response)
  if body.code == "agent.step_up_required" then
    self.skip("an approval needs a second factor here")
  elseif body.ok and body.data.draftStatus == "draft" then
    self.skip("an approval needs more people than the kit has tokens")
  elseif body.ok and type(body.data.execution) == "table" then
    self:remember(body.data.execution)
  end
  return response
end

-- Makes something; gives its id, for change and remove.
function kit:make()
  if not self.fixture.made_id then
    self.skip("the fixture has no made_id")
  end
  local id = self:remember(self:execute(self:open(), self:create()))
  assert(id, "the result has no member at the fixture's made_id")
  return id
end

-- Gives how often an action of action() took effect: how often its word is in what the fixture's effect reads.
function kit:effects(client, action)
  local effect = self.fixture.effect
  if not effect then
    self.skip("the fixture has no effect")
  end
  local word = self.word_of[action]:gsub("%-", "%%-")
  local _, count = json.encode(expect.ok(client:get(effect.path, effect.query))):gsub(word, "")
  return count
end

-- Gives the pending drafts of an app as people see them.
function kit:pending_drafts(app_id)
  return expect.ok(self:admin():get("/drafts", { appId = app_id, status = "draft", limit = 500 })).items
end

local function remove_made(self)
  if self.fixture.remove then
    for id in pairs(self.made) do
      self:open():post("/actions", self:action("remove", id, { execute = true }))
    end
  end
end

local function remove_app(self, id)
  for _, draft in ipairs(self:pending_drafts(id)) do
    self:admin():post("/drafts/" .. draft.id .. "/reject", json.object {})
  end
  self:admin():post("/apps/" .. id .. "/revoke", json.object {})
  expect.ok(self:admin():delete("/apps/" .. id))
end

-- Takes back what a run, if there is one, made: objects, drafts, keys and apps.
function kit.finish(self)
  if self and next(self.apps) then
    remove_made(self)
    for _, id in ipairs(self.apps) do
      remove_app(self, id)
    end
  end
end

kit.fill = fixture.fill

return kit
