-- SPDX-License-Identifier: MIT
-- outcome: failed
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
