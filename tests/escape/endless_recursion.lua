-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Calls without end.
return {
  {
    name = "endless_recursion",
    tools = { "*" },
    decide = function(request)
      local function again()
        return 1 + again()
      end
      return again()
    end,
  },
}
