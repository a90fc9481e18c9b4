-- SPDX-License-Identifier: MIT
local hours = weekly(require("profile").settings.hours)

return {
  {
    name = "actions run without a person in office hours only",
    tools = { "*" },
    window = function(request)
      if request.tool.kind == "action" then
        return hours
      end
    end,
    tests = {
      { given = { now = "2026-03-06T12:00:00Z", tool = { kind = "action" } }, expect = { "allow", window = "open" } },
      { given = { now = "2026-03-07T12:00:00Z", tool = { kind = "action" } }, expect = { "allow", window = "closed" } },
    },
  },
}
