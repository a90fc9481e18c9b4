-- SPDX-License-Identifier: MIT
local two_people = draft("A high-risk action needs two people.", { approvals = 2 })

return {
  {
    name = "high risk needs two people",
    tools = { "*" },
    decide = function(request)
      if request.tool.kind == "action" and request.tool.risk == "high" then
        return two_people
      end
    end,
    tests = {
      { given = { tool = { kind = "action", risk = "high" } }, expect = { "draft", approvals = 2 } },
      { given = { tool = { kind = "action", risk = "medium" } }, expect = { "allow" } },
      { given = { phase = "read", tool = { kind = "read", risk = "high" } }, expect = { "allow" } },
    },
  },
}
