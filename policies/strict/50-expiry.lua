-- SPDX-License-Identifier: MIT
local an_hour = allow { expires_in = 3600 }

return {
  {
    name = "drafts expire in an hour",
    tools = { "*" },
    decide = function(request)
      if request.tool.kind == "action" then
        return an_hour
      end
    end,
    tests = {
      { given = { tool = { kind = "action" } }, expect = { "allow", expires_in = 3600 } },
      { given = { phase = "read", tool = { kind = "read" } }, expect = { "allow" } },
    },
  },
}
