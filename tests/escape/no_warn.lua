-- SPDX-License-Identifier: MIT
-- outcome: refused
-- warn does not exist.
return {
  {
    name = "no_warn",
    tools = { "*" },
    decide = function(request)
      local found = warn
      return allow()
    end,
  },
}
