-- SPDX-License-Identifier: MIT
-- outcome: failed
-- However deep.
local seen = { a = { b = {} } }
return {
  {
    name = "upvalue_deep_table",
    tools = { "*" },
    decide = function(request)
      seen.a.b.c = request.now
      return allow()
    end,
  },
}
