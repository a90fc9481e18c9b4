-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A full stack, swallowed, again and again.
return {
  {
    name = "recursion_in_pcall",
    tools = { "*" },
    decide = function(request)
      local function again()
        return 1 + again()
      end
      while true do
        pcall(again)
      end
    end,
  },
}
