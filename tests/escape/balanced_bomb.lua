-- SPDX-License-Identifier: MIT
-- outcome: failed
-- %b from every position.
return {
  {
    name = "balanced_bomb",
    tools = { "*" },
    decide = function(request)
      return ("("):rep(200000):find("%b()x") and deny("x")
    end,
  },
}
