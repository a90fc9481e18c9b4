-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Lazy items over a long text.
return {
  {
    name = "pattern_bomb_quotes",
    tools = { "*" },
    decide = function(request)
      local s = ("\""):rep(400)
      return s:match(('".-"'):rep(6) .. "$!") and deny("x")
    end,
  },
}
