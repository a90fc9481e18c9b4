-- SPDX-License-Identifier: MIT
-- What the protocol promises of every answer, and no more: what one gateway adds is neither asked for nor refused.
local json = require "spec.support.json"

local expect = {}

expect.draft_members = { "id", "app_id", "key_id", "action_type", "payload", "status", "requires_confirmation",
  "auto_execute_requested", "justification", "preflight_hash", "preflight_state_witness_hash", "created_at",
  "updated_at", "confirmed_at", "canceled_at" }
expect.execution_members = { "id", "draft_id", "app_id", "idempotency_key", "status", "result", "error", "created_at" }
expect.tool_members = { "name", "description", "kind", "requiredScopes", "risk", "requiresConfirmation", "http",
  "inputSchema", "outputSchema" }

local function fail(response, what)
  error(("%s\nthe answer: %s %s"):format(what, response.status, response.text:sub(1, 2000)), 0)
end

local function among(value, wanted)
  if type(wanted) ~= "table" then
    return value == wanted
  end
  for _, one in ipairs(wanted) do
    if value == one then
      return true
    end
  end
  return false
end

local function words(wanted)
  return type(wanted) == "table" and table.concat(wanted, " or ") or tostring(wanted)
end

local function refusal_is_whole(body)
  return (body.code:find("^agent%.") or body.code:find("^common%."))
    and type(body.message) == "string" and body.message ~= ""
    and (body.details == nil or type(body.details) == "table")
end

-- The answer is an envelope: JSON, {ok: true, code, data} or {ok: false, code, message, details?}. Gives it.
function expect.envelope(response)
  local body = response.body
  if not (response.headers["content-type"] or ""):find("^application/json") then
    fail(response, "not JSON by its Content-Type")
  elseif type(body) ~= "table" or type(body.ok) ~= "boolean" or type(body.code) ~= "string" then
    fail(response, "not an envelope")
  elseif body.ok and (response.status ~= 200 or body.data == nil) then
    fail(response, "a success without 200 or without data")
  elseif not body.ok and (response.status < 400 or not refusal_is_whole(body)) then
    fail(response, "a refusal without its status, an agent.* or common.* code, or a message")
  end
  return body
end

-- The answer is a success; gives its data.
function expect.ok(response)
  local body = expect.envelope(response)
  if not body.ok then
    fail(response, "expected a success")
  end
  return body.data
end

-- The answer is a refusal with this status and code (one, a list of which one, or nil for any); gives its details.
function expect.refused(response, status, code)
  local body = expect.envelope(response)
  if body.ok or not among(response.status, status) or code and not among(body.code, code) then
    fail(response, ("expected %s %s"):format(words(status), words(code or "")))
  end
  return body.details or {}
end

-- The answer is an envelope that blames the caller, if anyone: no 5xx. Gives it.
function expect.no_fault(response)
  local body = expect.envelope(response)
  if response.status >= 500 then
    fail(response, "expected no fault of the server")
  end
  return body
end

-- An object has every one of the named members, null or not.
function expect.members(object, names)
  for _, name in ipairs(names) do
    if type(object) ~= "table" or object[name] == nil then
      error(("no member %s in %s"):format(name, json.encode(object)), 0)
    end
  end
  return object
end

-- Lower-case hex SHA-256.
function expect.hash(text)
  if type(text) ~= "string" or #text ~= 64 or text:find("[^0-9a-f]") then
    error("not a lower-case hex SHA-256: " .. tostring(text), 0)
  end
  return text
end

function expect.contains(list, value)
  if not among(value, list) then
    error(("no %s in %s"):format(tostring(value), json.encode(list)), 0)
  end
end

return expect
