-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The same over a text of the payload's size.
return {
  {
    name = "glob_bomb_long",
    tools = { "*" },
    decide = function(request)
      for _ = 1, 1000 do
        glob(("*a"):rep(100), ("a"):rep(60000) .. "b")
      end
      return allow()
    end,
  },
}
