-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A pattern that backtracks for ever.
return {
  {
    name = "pattern_bomb",
    tools = { "*" },
    decide = function(request)
      local s = ("a"):rep(60)
      return s:find(("a*"):rep(20) .. "b") and deny("x")
    end,
  },
}
