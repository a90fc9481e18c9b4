-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A string has no fields to set.
return {
  {
    name = "string_method_write",
    tools = { "*" },
    decide = function(request)
      local s = "x"
      s.y = 1
      return allow()
    end,
  },
}
