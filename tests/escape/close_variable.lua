-- SPDX-License-Identifier: MIT
-- outcome: failed
-- <close> needs a metamethod that cannot be made.
return {
  {
    name = "close_variable",
    tools = { "*" },
    decide = function(request)
      local guard <close> = {}
      return allow()
    end,
  },
}
