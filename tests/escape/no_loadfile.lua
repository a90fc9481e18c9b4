-- SPDX-License-Identifier: MIT
-- outcome: refused
-- loadfile does not exist.
return {
  {
    name = "no_loadfile",
    tools = { "*" },
    decide = function(request)
      local found = loadfile
      return allow()
    end,
  },
}
