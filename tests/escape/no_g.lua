-- SPDX-License-Identifier: MIT
-- outcome: refused
-- _G does not exist.
return {
  {
    name = "no_g",
    tools = { "*" },
    decide = function(request)
      local found = _G
      return allow()
    end,
  },
}
