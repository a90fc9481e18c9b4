-- SPDX-License-Identifier: MIT
-- outcome: allow
-- A change that is taken back has remembered nothing.
local count = 0
return {
  {
    name = "upvalue_restored",
    tools = { "*" },
    decide = function(request)
      local before = count
      count = count + 1
      count = before
      return allow()
    end,
  },
}
