-- SPDX-License-Identifier: MIT
-- outcome: failed
-- One enormous string.
return {
  {
    name = "memory_rep",
    tools = { "*" },
    decide = function(request)
      return deny(("x"):rep(1 << 40))
    end,
  },
}
