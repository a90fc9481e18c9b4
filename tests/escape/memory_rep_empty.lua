-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An enormous count of nothing.
return {
  {
    name = "memory_rep_empty",
    tools = { "*" },
    decide = function(request)
      return deny(("x"):rep(1 << 62, ""))
    end,
  },
}
