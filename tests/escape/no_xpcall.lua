-- SPDX-License-Identifier: MIT
-- outcome: failed
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
