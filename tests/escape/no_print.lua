-- SPDX-License-Identifier: MIT
-- outcome: refused
-- print does not exist.
return {
  {
    name = "no_print",
    tools = { "*" },
    decide = function(request)
      local found = print
      return allow()
    end,
  },
}
