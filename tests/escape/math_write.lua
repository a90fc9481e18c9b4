-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Libraries are read-only.
return {
  {
    name = "math_write",
    tools = { "*" },
    decide = function(request)
      math.abs = function() return 0 end
      return allow()
    end,
  },
}
