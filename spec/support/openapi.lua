-- SPDX-License-Identifier: MIT
-- docs/openapi.yaml as the specs use it: which operation a request is, and whether an answer is one it describes.
local json = require "spec.support.json"
local lyaml = require "lyaml"
local schema = require "spec.support.schema"

local openapi = { path = "docs/openapi.yaml" }
openapi.__index = openapi

local methods = { "get", "post", "put", "patch", "delete" }
local json_type <const> = "application/json"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

-- The rows of the code table, {name, status, recovery, message}, each name once.
function openapi.codes()
  local rows, seen = {}, {}
  for name, status, recovery, message in
    read("src/base/code.h"):gmatch('X%([%w_]+, "([^"]+)", (%d+), "(%l+)", "([^"]*)"%)') do
    if not seen[name] then
      seen[name] = true
      rows[#rows + 1] = { name = name, status = tonumber(status), recovery = recovery, message = message }
    end
  end
  return rows
end

-- The value as JSON: lyaml's null is not ours, and a reference leads to where the validator has its schemas.
local function translate(value)
  if value == lyaml.null then
    return json.null
  elseif type(value) ~= "table" then
    return type(value) == "string" and value:gsub("^#/components/schemas/", "#/$defs/") or value
  end
  local copy = {}
  for key, member in pairs(value) do
    copy[key] = translate(member)
  end
  return copy
end

local function resolve(self, node)
  while node and node["$ref"] do
    local at = self.document
    for part in node["$ref"]:sub(3):gmatch("[^/]+") do
      at = at and at[part]
    end
    node = assert(at, "a reference leads nowhere: " .. node["$ref"])
  end
  return node
end
openapi.resolve = resolve

local function set_of(list)
  local set = {}
  for _, item in ipairs(list or {}) do
    set[item] = true
  end
  return set
end

-- The codes that a refusal's schema lists: beside the envelope, in the last part of allOf.
local function codes_of(body)
  local parts = body and body.allOf
  return set_of(parts and parts[#parts].properties.code.enum)
end

local function add_response(self, name, response)
  local media, kept = response.content or {}, { name = name, headers = {}, types = {} }
  for kind, content in pairs(media) do
    kept.types[kind] = true
    if kind == json_type then
      kept.schema, kept.codes = name, codes_of(content.schema)
      self.definitions[name] = translate(content.schema)
    end
  end
  for header, node in pairs(response.headers or {}) do
    local found = resolve(self, node)
    kept.headers[header:lower()] = { schema = "header." .. header, required = found.required }
    self.definitions["header." .. header] = translate(found.schema)
  end
  return kept
end

local function pattern_of(path)
  return "^" .. path:gsub("[%-%.]", "%%%0"):gsub("{[^}]+}", "[^/]+") .. "$"
end

local function add_operation(self, method, path, node)
  local operation = { id = node.operationId, method = method:upper(), path = path, node = node, responses = {} }
  operation.pattern = pattern_of(path)
  for status, response in pairs(node.responses) do
    local found = resolve(self, response)
    operation.responses[status] = add_response(self, ("%s.%s"):format(node.operationId, status), found)
  end
  if node.requestBody then
    operation.request = node.operationId .. ".request"
    self.definitions[operation.request] = translate(node.requestBody.content[json_type].schema)
  end
  self.operations[#self.operations + 1] = operation
end

function openapi.load()
  local self = setmetatable({ operations = {}, definitions = {}, statuses = {} }, openapi)
  self.document = lyaml.load(read(openapi.path))
  for name, node in pairs(self.document.components.schemas) do
    self.definitions[name] = translate(node)
  end
  for path, item in pairs(self.document.paths) do
    for _, method in ipairs(methods) do
      if item[method] then
        add_operation(self, method, path, item[method])
      end
    end
  end
  self.transport = add_response(self, "response.Transport", self.document.components.responses.Transport)
  for _, row in ipairs(openapi.codes()) do
    self.statuses[row.name] = row.status
  end
  return self
end

-- A read tool of an adapter that the document does not know: answers as the ledger's do, with any data.
local function other_read(self)
  local known = self:find("GET", "/api/agent/v1/ledgers")
  local any = { name = "AnyRead", schema = "AnyRead", codes = {}, types = { [json_type] = true } }
  any.headers = known.responses["200"].headers
  return { responses = setmetatable({ ["200"] = any }, { __index = known.responses }) }
end

-- The operation of a method at a path without its query; nil where there is none.
function openapi:find(method, path)
  method = method == "HEAD" and "GET" or method
  for _, operation in ipairs(self.operations) do
    if operation.method == method and path:find(operation.pattern) then
      return operation
    end
  end
  return method == "GET" and path:find("^/api/agent/v1/[^{]+$") and other_read(self) or nil
end

function openapi:validator()
  self.open = self.open or schema.open(self.definitions)
  return self.open
end

-- Gives nil, or what is wrong with a value by the schema of that name.
function openapi:problems(name, value)
  return self:validator():problems(name, value)
end

local function header_problems(self, expected, response)
  for name, header in pairs(expected.headers) do
    local value = response.headers[name]
    if value == nil and header.required then
      return ("the header %s is missing"):format(name)
    end
    local problems = value and self:problems(header.schema, value)
    if problems then
      return ("the header %s: %s: %s"):format(name, value, problems)
    end
  end
end

-- The description of this answer, among those of the operation.
local function expected_response(self, operation, response)
  local code = response.body and response.body.code
  local named = operation and operation.responses[tostring(response.status)]
  if named and (not code or response.body.ok or named.codes[code]) then
    return named
  end
  return not (response.body and response.body.ok) and self.transport or nil
end

local function body_problems(self, expected, response)
  local kind = (response.headers["content-type"] or ""):match("^[^;]*")
  if response.status == 304 or not next(expected.types) then
    return response.text ~= "" and "there is a body" or nil
  elseif not expected.types[kind] then
    return "its Content-Type is " .. kind
  elseif not expected.schema or response.text == "" then
    return nil -- a stream, or the answer to HEAD
  elseif response.body == nil then
    return "it is no JSON"
  elseif response.body.ok == false and self.statuses[response.body.code] ~= response.status then
    return "the status is not that of its code"
  end
  return self:problems(expected.schema, response.body)
end

-- What was taken must be what the document says can be sent.
local function request_problems(self, operation, request, response)
  local sent = response.status == 200 and operation and operation.request and request.body
  local body = sent and sent ~= "" and json.decode(sent)
  return body and self:problems(operation.request, body)
end

local function judge(self, request, response)
  local operation = self:find(request.method, request.path:match("^[^?]*"))
  local expected = expected_response(self, operation, response)
  if not expected then
    return ("%s %s has no answer %s"):format(request.method, request.path, tostring(response.status))
  end
  local problems = header_problems(self, expected, response) or body_problems(self, expected, response)
  if problems then
    return ("the answer is not %s of %s: %s"):format(expected.name, openapi.path, problems)
  end
  problems = request_problems(self, operation, request, response)
  return problems and ("%s was taken, which the document does not say: %s"):format(request.body, problems)
end

-- An error unless this answer is one that the document describes for this request {method, path, body}.
function openapi:check(request, response)
  local problems = judge(self, request, response)
  if problems then
    error(("%s %s\n%s\n%s\n%s"):format(request.method, request.path, problems, response.head, response.text), 0)
  end
end

-- An error unless the event's data is what the document describes.
function openapi:check_event(event)
  local problems = self:problems(event.event == "error" and "EventError" or "Event", event.body)
  if problems then
    error(("the event is not as %s says: %s\n%s"):format(openapi.path, problems, event.data), 0)
  end
end

local shared

-- The document and its validator, read and started when they are first needed.
function openapi.shared()
  shared = shared or openapi.load()
  return shared
end

-- For http.observe.
function openapi.observer()
  return {
    answer = function(request, response) openapi.shared():check(request, response) end,
    event = function(event) openapi.shared():check_event(event) end,
  }
end

return openapi
