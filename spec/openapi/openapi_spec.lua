-- SPDX-License-Identifier: MIT
-- docs/openapi.yaml, docs/reason-codes.md, the code table and the endpoint tables say the same.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local openapi = require "spec.support.openapi"

local function read(path)
  return assert(gateway.read_file(path), path)
end

-- The endpoints in a C table, as "GET /path".
local function endpoints(path)
  local text = read(path)
  local base = text:match('#define BASE "([^"]+)"') or ""
  local found = {}
  for method, rest in text:gmatch('{ "(%u+)", BASE "([^"]+)"') do
    found[method .. " " .. base .. rest] = true
  end
  for method, rest in text:gmatch('{ "(%u+)", "(/[^"]+)"') do
    found[method .. " " .. rest] = true
  end
  return found
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

-- Calls visit(node, where) for every table of the document.
local function walk(node, where, visit)
  visit(node, where)
  for key, member in pairs(node) do
    if type(member) == "table" then
      walk(member, where .. "/" .. tostring(key), visit)
    end
  end
end

local function documented(api)
  local found = {}
  for _, operation in ipairs(api.operations) do
    found[operation.method .. " " .. operation.path] = true
  end
  return found
end

describe("the OpenAPI document", function()
  local api = openapi.load()
  local document = api.document

  it("is one of version 3.1, with what every such document has", function()
    assert.equal("3.1.0", document.openapi)
    check.members(document.info, { "title", "version", "license" })
    assert.is_true(#api.operations > 30)
    for path in pairs(document.paths) do
      assert.equal("/", path:sub(1, 1))
    end
  end)

  it("has no reference that leads nowhere", function()
    local count = 0
    walk(document, "", function(node, where)
      if node["$ref"] then
        count = count + 1
        assert.has_no.errors(function() api:resolve(node) end, where)
      end
    end)
    assert.is_true(count > 300)
  end)

  it("has no component that nothing refers to", function()
    local used = { ["#/components/schemas/AnyRead"] = true, ["#/components/schemas/Event"] = true,
      ["#/components/schemas/EventError"] = true }
    walk(document, "", function(node) used[node["$ref"] or ""] = true end)
    for kind, components in pairs(document.components) do
      for name in pairs(kind == "securitySchemes" and {} or components) do
        assert.is_true(used["#/components/" .. kind .. "/" .. name], kind .. " " .. name)
      end
    end
  end)

  it("names each operation once, and its tag, its parameters and its security are declared", function()
    local seen, tags = {}, {}
    for _, tag in ipairs(document.tags) do
      tags[tag.name] = true
    end
    for _, operation in ipairs(api.operations) do
      local node, declared = operation.node, {}
      assert.is_nil(seen[operation.id], operation.id)
      seen[operation.id] = true
      assert.is_true(tags[node.tags[1]], operation.id)
      assert.is_string(node.summary)
      for _, parameter in ipairs(node.parameters or {}) do
        local found = api:resolve(parameter)
        declared[found["in"] .. " " .. found.name] = true
        assert.equal(found["in"] == "path" or nil, found.required, operation.id .. " " .. found.name)
      end
      for name in operation.path:gmatch("{([^}]+)}") do
        assert.is_true(declared["path " .. name], operation.id .. " " .. name)
      end
      for _, requirement in ipairs(node.security or document.security) do
        assert.is_table(document.components.securitySchemes[next(requirement)], operation.id)
      end
    end
  end)

  it("has schemas that the gateway's own validator takes, and that refuse something", function()
    for name in pairs(api.definitions) do
      local refused = api:problems(name, json.null) or api:problems(name, json.array { json.array() })
      assert.is_string(refused, name .. " takes anything")
    end
  end)

  it("fixes every shape that the gateway answers with", function()
    for name, node in pairs(document.components.schemas) do
      if node.properties and not name:find("Request$") then
        assert.equal(false, node.additionalProperties, name)
        assert.is_true(node.required ~= nil or name == "AppPolicy", name)
      end
    end
  end)

  it("has every status of a refusal where its codes belong", function()
    local listed = {}
    for _, operation in ipairs(api.operations) do
      for status, response in pairs(operation.responses) do
        for code in pairs(response.codes or {}) do
          listed[code] = true
          assert.is_true(status == "default" or api.statuses[code] == tonumber(status), operation.id .. " " .. code)
        end
      end
    end
    for code, status in pairs(api.statuses) do
      assert.equal(status >= 400 or nil, listed[code], code)
    end
  end)
end)

describe("the routes", function()
  local api = openapi.load()
  local g

  setup(function() g = gateway.start { config = "limits: { auth_failures_per_minute: 1000 }\n" } end)
  teardown(function() gateway.stop(g) end)

  -- What the program registers: its endpoint tables, and a route for each read tool that is loaded.
  local function registered()
    local all = {}
    for _, path in ipairs { "src/api/api.c", "src/api/health.c", "src/admin/admin.c" } do
      for route in pairs(endpoints(path)) do
        all[route] = true
      end
    end
    for _, tool in ipairs(check.ok(g.admin:get("/tools")).items) do
      if tool.http.method == "GET" then
        all["GET " .. tool.http.path] = true
      end
    end
    return all
  end

  it("of the program are those of the document, and the other way round", function()
    assert.same(sorted(registered()), sorted(documented(api)))
  end)

  it("of the document are there, and ask for the token that it says", function()
    local strangers = { agentToken = g.admin.token, personToken = g.agent.token }
    local root = g:client("")
    for _, operation in ipairs(api.operations) do
      local path = operation.path:gsub("{[^}]+}", "nothing")
      local scheme = next((operation.node.security or api.document.security)[1] or {})
      local response = root:request { method = operation.method, path = path, token = strangers[scheme] }
      assert.equal(scheme and 401 or 200, response.status, operation.id)
    end
  end)
end)

describe("the reason codes", function()
  local api = openapi.load()

  local function rows_of_page()
    local rows = {}
    for code, status, recovery in read("docs/reason-codes.md"):gmatch("\n| `([%l_.]+)` | (%S+) | (%l+) |") do
      assert.is_nil(rows[code], code .. " is there twice")
      rows[code] = { status = tonumber(status) or 0, recovery = recovery }
    end
    return rows
  end

  it("of the program are those of docs/reason-codes.md, and the other way round", function()
    local table_of_program = {}
    for _, row in ipairs(openapi.codes()) do
      table_of_program[row.name] = { status = row.status, recovery = row.recovery }
    end
    assert.is_true(#openapi.codes() > 35)
    assert.same(table_of_program, rows_of_page())
  end)

  it("of the program are those of the document, and the other way round", function()
    local listed = {}
    for _, code in ipairs(api.document.components.schemas.Code.enum) do
      assert.is_nil(listed[code], code)
      listed[code] = true
    end
    assert.same(sorted(api.statuses), sorted(listed))
  end)
end)

describe("the check of answers", function()
  local api = openapi.load()
  local request = { method = "GET", path = "/healthz" }

  local function answer(changes)
    local headers = { ["content-type"] = "application/json; charset=utf-8", ["x-request-id"] = "req_1",
      ["cache-control"] = "no-store" }
    local response = { status = 200, head = "", headers = headers,
      text = '{"code":"common.success","data":{"status":"ok"},"ok":true}' }
    for name, value in pairs(changes or {}) do
      response[name] = value
    end
    response.body = json.decode(response.text)
    return response
  end

  local function refused(changes, why, asked)
    local ok, problem = pcall(api.check, api, asked or request, answer(changes))
    assert.is_false(ok)
    assert.is_truthy(problem:find(why, 1, true), problem)
  end

  it("takes what is described", function()
    api:check(request, answer())
  end)

  it("finds a member that nobody described", function()
    refused({ text = '{"code":"common.success","data":{"status":"ok"},"ok":true,"trace":"x"}' }, "trace")
    refused({ text = '{"code":"common.success","data":{"status":"ok","more":1},"ok":true}' }, "/data")
  end)

  it("finds another type, another status, another header and another route", function()
    refused({ text = '{"code":"common.success","data":{"status":1},"ok":true}' }, "/data/status")
    refused({ status = 201 }, "has no answer 201")
    refused({ headers = { ["content-type"] = "application/json" } }, "header")
    refused({ text = "<html>" }, "no JSON")
    refused(nil, "has no answer 200", { method = "GET", path = "/debug" })
  end)

  it("finds a refusal whose status is not that of its code", function()
    refused({ status = 418,
      text = '{"code":"common.not_found","details":{"recovery":"fix"},"message":"x","ok":false}' },
      "the status is not that of its code")
  end)

  it("finds a request that was taken, though it is not described", function()
    local time = '"2026-11-22T12:00:00.000Z"'
    local key = ('{"id":"key_1","name":"a","token_prefix":"op_a","last_used_at":null,"expires_at":%s,"revoked_at":null,'
      .. '"created_at":%s}'):format(time, time)
    local text = ('{"code":"common.success","data":{"key":%s,"token":"op_abc"},"ok":true}'):format(key)
    local asked = { method = "POST", path = "/api/agent-admin/v1/keys/key_1/rotate", body = '{"overlapSeconds":60}' }
    api:check(asked, answer { text = text })
    asked.body = '{"overlapSeconds":"a minute"}'
    refused({ text = text }, "/overlapSeconds", asked)
  end)
end)
