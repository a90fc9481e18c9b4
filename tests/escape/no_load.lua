-- SPDX-License-Identifier: MIT
-- outcome: refused
-- load does not exist.
return {
  {
    name = "no_load",
    tools = { "*" },
    decide = function(request)
      local found = load
      return allow()
    end,
  },
}
