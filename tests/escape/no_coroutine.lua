-- SPDX-License-Identifier: MIT
-- outcome: refused
-- coroutine does not exist.
return {
  {
    name = "no_coroutine",
    tools = { "*" },
    decide = function(request)
      local found = coroutine
      return allow()
    end,
  },
}
