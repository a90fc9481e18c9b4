-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A local outside the function is no memory.
local count = 0
return {
  {
    name = "upvalue_counter",
    tools = { "*" },
    decide = function(request)
      count = count + 1
      return allow()
    end,
  },
}
