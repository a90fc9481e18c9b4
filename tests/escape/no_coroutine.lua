-- SPDX-License-Identifier: MIT
-- outcome: failed
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
