-- SPDX-License-Identifier: MIT
-- What every answer must be, and what most specs ask of one.
local json = require "spec.support.json"
local luassert = require "luassert"

local check = {}

local recoveries = { fix = 1, same = 1, preflight = 1, key = 1, poll = 1, operator = 1, none = 1 }

local function fail(response, what)
  error(("%s\n%s %s"):format(what, response.status, response.text), 3)
end

-- The answer is an envelope with the headers that all have.
function check.envelope(response)
  local body, headers = response.body, response.headers
  if headers["content-type"] ~= "application/json; charset=utf-8" then
    fail(response, "not JSON by its Content-Type: " .. tostring(headers["content-type"]))
  end
  if type(body) ~= "table" or type(body.ok) ~= "boolean" or type(body.code) ~= "string" then
    fail(response, "not an envelope")
  end
  if headers["x-content-type-options"] ~= "nosniff" or not (headers["x-request-id"] or ""):find("^req_") then
    fail(response, "a header is missing: " .. response.head)
  end
  return body
end

-- The answer is a success; gives its data.
function check.ok(response)
  local body = check.envelope(response)
  if response.status ~= 200 or body.ok ~= true or body.code ~= "common.success" then
    fail(response, "not a success")
  end
  return body.data
end

-- The answer is this refusal; gives its details.
function check.refused(response, status, code)
  local body = check.envelope(response)
  if response.status ~= status or code and body.code ~= code or body.ok ~= false then
    fail(response, ("expected %d %s"):format(status, code or ""))
  end
  if type(body.message) ~= "string" or #body.message == 0 then
    fail(response, "a refusal without a message")
  end
  if type(body.details) ~= "table" or not recoveries[body.details.recovery] then
    fail(response, "a refusal without details.recovery")
  end
  return body.details
end

-- Gives the first item for which every field is as said.
function check.find(items, fields)
  for _, item in ipairs(items) do
    local same = true
    for name, value in pairs(fields) do
      same = same and item[name] == value
    end
    if same then
      return item
    end
  end
end

function check.count(items, fields)
  local count = 0
  for _, item in ipairs(items) do
    local same = true
    for name, value in pairs(fields) do
      same = same and item[name] == value
    end
    count = count + (same and 1 or 0)
  end
  return count
end

-- An object has every one of the named members, null or not.
function check.members(object, names)
  for _, name in ipairs(names) do
    luassert.is_not_nil(object[name], "no member " .. name .. " in " .. json.encode(object))
  end
end

function check.timestamp(text)
  luassert.is_truthy(type(text) == "string" and text:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$"),
    "no RFC 3339 time with milliseconds: " .. tostring(text))
end

-- The text of an answer in which two refusals may differ: nothing but the request id.
function check.without_request_id(response)
  return (response.text:gsub("req_[%w]+", "req_"))
end

return check
