-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Nor is a table outside of it.
local seen = {}
return {
  {
    name = "upvalue_table",
    tools = { "*" },
    decide = function(request)
      seen[#seen + 1] = request.app.id
      return allow()
    end,
  },
}
