-- SPDX-License-Identifier: MIT
-- outcome: failed
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
