-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A swallowed budget error followed by an allow.
return {
  {
    name = "allow_after_spent_budget",
    tools = { "*" },
    decide = function(request)
      pcall(function()
        while true do
        end
      end)
      return allow()
    end,
  },
}
