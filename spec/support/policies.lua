-- SPDX-License-Identifier: MIT
-- A gateway whose rules a spec writes as it goes.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"

local policies = {}

-- Starts one with an empty profile of its own, "mine". It has besides what gateways have:
-- g:rules(text, name), which writes a file and gives the answer to the reload; g:in_force(rules, name), which asks that
-- it was a success and gives what is active; g:profile(name, text, file), which writes a file of another profile.
function policies.start(options)
  local dir = gateway.make_dir()
  os.execute(("mkdir -p '%s/mine'"):format(dir))
  gateway.write_file(dir .. "/mine/profile.lua", "return { description = 'A test.' }\n")
  local settings = { policies = dir, flags = { "--profile", "mine" } }
  for name, value in pairs(options or {}) do settings[name] = value end
  local g = gateway.start(settings)
  g.policies = dir

  function g:rules(text, name)
    gateway.write_file(("%s/mine/%s"):format(self.policies, name or "10-rules.lua"), text)
    return self.admin:post("/policies/reload")
  end

  -- Writes a file of another profile, which it makes if it is new.
  function g:profile(name, text, file)
    local path = ("%s/%s"):format(self.policies, name)
    os.execute(("mkdir -p '%s'"):format(path))
    gateway.write_file(path .. "/profile.lua", "return { description = 'A test.' }\n")
    gateway.write_file(("%s/%s"):format(path, file or "10-rules.lua"), text)
  end

  function g:in_force(rules, name)
    return check.ok(self:rules("return {\n" .. rules .. "\n}\n", name)).active
  end

  return g
end

function policies.stop(g)
  gateway.stop(g)
  if g then os.execute(("rm -rf '%s'"):format(g.policies)) end
end

return policies
