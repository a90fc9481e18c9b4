-- SPDX-License-Identifier: MIT
-- outcome: refused
-- getmetatable does not exist.
return {
  {
    name = "no_getmetatable",
    tools = { "*" },
    decide = function(request)
      local found = getmetatable
      return allow()
    end,
  },
}
