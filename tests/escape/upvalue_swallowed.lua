-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Changing an upvalue and then failing on purpose.
local count = 0
return {
  {
    name = "upvalue_swallowed",
    tools = { "*" },
    decide = function(request)
      pcall(function()
        count = count + 1
        error("hide")
      end)
      return allow()
    end,
  },
}
