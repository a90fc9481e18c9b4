-- SPDX-License-Identifier: MIT
-- Whatever a tool tells of the state that it changes must still be so when it runs, every field of it.
local with_witness = allow { require = { "witness" } }

return {
  {
    name = "what has a state needs a witness",
    tools = { "*" },
    decide = function(request)
      if request.phase ~= "read" and next(request.state) ~= nil then
        return with_witness
      end
    end,
    witness = function(_, state) return state end,
    tests = {
      { given = { state = { kind = "resource_version" } }, expect = { "allow", require = { "witness" } } },
      { given = { state = {} }, expect = { "allow" } },
      { given = { phase = "read" }, expect = { "allow" } },
    },
  },
}
