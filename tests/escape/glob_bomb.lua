-- SPDX-License-Identifier: MIT
-- outcome: allow
-- A glob with many stars over a long text.
return {
  {
    name = "glob_bomb",
    tools = { "*" },
    decide = function(request)
      for _ = 1, 10 do
        glob(("*a"):rep(100), ("a"):rep(99) .. "b")
      end
      return allow()
    end,
  },
}
