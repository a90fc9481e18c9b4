-- SPDX-License-Identifier: MIT
local few = allow { limit = { count = 10, per = 3600 } }
local many = allow { limit = { count = 60, per = 3600 } }

return {
  {
    name = "an app executes sixty actions an hour, high-risk ones among the first ten",
    tools = { "*" },
    decide = function(request)
      if request.tool.kind == "action" then
        return request.tool.risk == "high" and few or many
      end
    end,
    tests = {
      {
        given = { tool = { kind = "action", risk = "high" } },
        expect = { "allow", limit = { count = 10, per = 3600, by = "app" } },
      },
      {
        given = { tool = { kind = "action", risk = "low" } },
        expect = { "allow", limit = { count = 60, per = 3600, by = "app" } },
      },
      { given = { phase = "read", tool = { kind = "read" } }, expect = { "allow" } },
    },
  },
}
