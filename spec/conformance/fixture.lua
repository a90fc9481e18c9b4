-- SPDX-License-Identifier: MIT
-- The tools that the kit uses on a server: OPP_FIXTURE names a JSON file, the demo ledger's is the default.
local json = require "spec.support.json"

local fixture = {}

local default <const> = "spec/conformance/ledger.json"
local known <const> = { app = 1, scopes = 1, create = 1, made_id = 1, change = 1, remove = 1, effect = 1, foreign = 1,
  secrets = 1 }
local needed <const> = { "app", "scopes", "create" }

-- Gives the fixture; an error says what is wrong with the file.
function fixture.load(path)
  path = path or default
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  local loaded, problem = json.decode(text)
  assert(type(loaded) == "table", ("%s: %s"):format(path, problem or "not an object"))
  for name in pairs(loaded) do
    assert(known[name], ("%s: a fixture has no member %s"):format(path, name))
  end
  for _, name in ipairs(needed) do
    assert(type(loaded[name]) == "table", ("%s: a fixture needs %s"):format(path, name))
  end
  return loaded
end

-- Gives a copy of a value in which {{name}} is words.name, in every string.
function fixture.fill(value, words)
  if type(value) == "string" then
    return (value:gsub("{{(%w+)}}", words))
  elseif type(value) ~= "table" or value == json.null then
    return value
  end
  local copy = setmetatable({}, getmetatable(value))
  for key, member in pairs(value) do
    copy[key] = fixture.fill(member, words)
  end
  return copy
end

-- Gives the member at a path of names; nil when there is none.
function fixture.at(value, path)
  for _, name in ipairs(path) do
    value = type(value) == "table" and value[name] or nil
  end
  return value
end

return fixture
