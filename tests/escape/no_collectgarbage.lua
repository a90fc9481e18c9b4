-- SPDX-License-Identifier: MIT
-- outcome: refused
-- collectgarbage does not exist.
return {
  {
    name = "no_collectgarbage",
    tools = { "*" },
    decide = function(request)
      local found = collectgarbage
      return allow()
    end,
  },
}
