-- SPDX-License-Identifier: MIT
-- outcome: refused
-- Globals cannot be assigned.
return {
  {
    name = "global_write",
    tools = { "*" },
    decide = function(request)
      counter = 1
      return allow()
    end,
  },
}
