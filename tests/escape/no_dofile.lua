-- SPDX-License-Identifier: MIT
-- outcome: refused
-- dofile does not exist.
return {
  {
    name = "no_dofile",
    tools = { "*" },
    decide = function(request)
      local found = dofile
      return allow()
    end,
  },
}
