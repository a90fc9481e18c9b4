-- SPDX-License-Identifier: MIT
-- outcome: refused
-- xpcall does not exist.
return {
  {
    name = "no_xpcall",
    tools = { "*" },
    decide = function(request)
      local found = xpcall
      return allow()
    end,
  },
}
