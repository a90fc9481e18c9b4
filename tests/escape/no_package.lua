-- SPDX-License-Identifier: MIT
-- outcome: refused
-- package does not exist.
return {
  {
    name = "no_package",
    tools = { "*" },
    decide = function(request)
      local found = package
      return allow()
    end,
  },
}
