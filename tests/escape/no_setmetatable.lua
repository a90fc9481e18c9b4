-- SPDX-License-Identifier: MIT
-- outcome: refused
-- setmetatable does not exist.
return {
  {
    name = "no_setmetatable",
    tools = { "*" },
    decide = function(request)
      local found = setmetatable
      return allow()
    end,
  },
}
