-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Moving a range without end.
return {
  {
    name = "table_move_far",
    tools = { "*" },
    decide = function(request)
      table.move({ 1 }, 1, 1 << 60, 2)
      return allow()
    end,
  },
}
