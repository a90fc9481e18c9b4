-- SPDX-License-Identifier: MIT
-- outcome: failed
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
