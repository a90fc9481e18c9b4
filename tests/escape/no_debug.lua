-- SPDX-License-Identifier: MIT
-- outcome: refused
-- debug does not exist.
return {
  {
    name = "no_debug",
    tools = { "*" },
    decide = function(request)
      local found = debug
      return allow()
    end,
  },
}
