-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The table behind every string is read-only.
return {
  {
    name = "string_table_write",
    tools = { "*" },
    decide = function(request)
      local s = ("").rep
      string.rep = function() return s end
      return allow()
    end,
  },
}
