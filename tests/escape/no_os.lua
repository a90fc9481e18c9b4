-- SPDX-License-Identifier: MIT
-- outcome: refused
-- os does not exist.
return {
  {
    name = "no_os",
    tools = { "*" },
    decide = function(request)
      local found = os
      return allow()
    end,
  },
}
