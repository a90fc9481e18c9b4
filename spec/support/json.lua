-- SPDX-License-Identifier: MIT
-- JSON as the specs need it: null, [] and {} stay distinct, and what is written is canonical (RFC 8785).
local dkjson = require "dkjson"

local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local array_type, object_type = { __jsontype = "array" }, { __jsontype = "object" }

function json.array(list) return setmetatable(list or {}, array_type) end
function json.object(members) return setmetatable(members or {}, object_type) end

-- Gives the value, or nil and what is wrong.
function json.decode(text)
  local value, position, problem = dkjson.decode(text, 1, json.null, object_type, array_type)
  if problem then
    return nil, problem
  end
  if text:find("%S", position) then
    return nil, "something follows the value"
  end
  return value
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return escapes[c] or c ~= "\127" and ("\\u%04x"):format(c:byte()) or c
  end) .. '"'
end

-- The digits of a double without a point, and where the point is: the shortest that reads back the same.
local function digits_of(number)
  for precision = 1, 17 do
    local text = ("%." .. precision - 1 .. "e"):format(number)
    if tonumber(text) == number then
      local head, tail, exponent = text:match("^(%d)%.?(%d*)e([+-]%d+)$")
      return ((head .. tail):gsub("0+$", "")), tonumber(exponent) + 1
    end
  end
end

-- A number as ECMAScript prints it.
function json.number(number)
  if math.type(number) == "integer" then
    return ("%d"):format(number)
  end
  if number == 0 then
    return "0"
  elseif number < 0 then
    return "-" .. json.number(-number)
  end
  local digits, point = digits_of(number)
  if point > 21 or point < -5 then
    local mantissa = digits:sub(1, 1) .. (#digits > 1 and "." .. digits:sub(2) or "")
    return ("%se%+d"):format(mantissa, point - 1)
  elseif point >= #digits then
    return digits .. ("0"):rep(point - #digits)
  elseif point > 0 then
    return digits:sub(1, point) .. "." .. digits:sub(point + 1)
  end
  return "0." .. ("0"):rep(-point) .. digits
end

-- UTF-16 code units, big end first: the order of keys in RFC 8785.
local function utf16(text)
  local units = {}
  for _, code in utf8.codes(text) do
    if code > 0xffff then
      code = code - 0x10000
      units[#units + 1] = string.pack(">I2I2", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff))
    else
      units[#units + 1] = string.pack(">I2", code)
    end
  end
  return table.concat(units)
end

local encode

local function is_array(value)
  local meta = getmetatable(value)
  return meta == array_type or meta ~= object_type and #value > 0
end

local function encode_array(list)
  local parts = {}
  for i = 1, #list do
    parts[i] = encode(list[i])
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(members)
  local keys, parts = {}, {}
  for key in pairs(members) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b) return utf16(a) < utf16(b) end)
  for i, key in ipairs(keys) do
    parts[i] = quote(key) .. ":" .. encode(members[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
  local kind = type(value)
  if value == json.null then
    return "null"
  elseif kind == "string" then
    return quote(value)
  elseif kind == "number" then
    return json.number(value)
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind == "table" then
    return is_array(value) and encode_array(value) or encode_object(value)
  end
  error("JSON has no " .. kind)
end

-- Canonical bytes. A plain empty table is {}.
json.encode = encode

return json
