-- SPDX-License-Identifier: MIT
-- The gateway's own JSON Schema validator, in a process of its own that is asked line by line.
local json = require "spec.support.json"
local lfs = require "lfs"

local schema = {}
schema.__index = schema

-- Built with the tests, beside the oppd that is tried.
local function program()
  local oppd = os.getenv("OPPD") or "build/oppd"
  return os.getenv("OPP_SCHEMA_CHECK") or oppd:gsub("[^/]*$", "") .. "tests/schema_check"
end

local function make_pipes()
  local dir = os.tmpname()
  os.remove(dir)
  assert(lfs.mkdir(dir))
  assert(os.execute(("mkfifo '%s/in' '%s/out'"):format(dir, dir)))
  return dir
end

-- Starts a validator that knows these schemas, {name = schema}.
function schema.open(definitions)
  local path = program()
  if not lfs.attributes(path) then
    error(("answers are held against docs/openapi.yaml by %s, which is not there: build it (cmake --build DIR --target "
      .. "schema_check, with OPP_TESTS on as in cmake --preset dev), name another with OPP_SCHEMA_CHECK, or set "
      .. "OPP_VALIDATE=0"):format(path), 0)
  end
  local dir = make_pipes()
  os.execute(("'%s' <'%s/in' >'%s/out' &"):format(path, dir, dir))
  local self = setmetatable({ input = assert(io.open(dir .. "/in", "w")) }, schema)
  self.output = assert(io.open(dir .. "/out", "r"))
  os.execute(("rm -r '%s'"):format(dir))
  self:ask { ["$defs"] = definitions }
  return self
end

function schema:ask(question)
  assert(self.input:write(json.encode(question), "\n"))
  self.input:flush()
  local answer = json.decode(self.output:read("l") or "")
  if not answer or answer.fatal then
    error("the validator ended: " .. tostring(answer and answer.fatal), 0)
  end
  return answer.issues
end

-- Gives nil, or a sentence for each thing that is wrong with the value.
function schema:problems(name, value)
  local issues = self:ask { schema = name, value = value }
  local lines = {}
  for i, issue in ipairs(issues) do
    lines[i] = ("%s %s"):format(issue.pointer ~= "" and issue.pointer or "the value", issue.message)
  end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

function schema:close()
  self.input:close()
  self.output:close()
end

return schema
