-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Sorting with an order that always says yes.
return {
  {
    name = "sort_with_a_liar",
    tools = { "*" },
    decide = function(request)
      local t = {}
      for i = 1, 300 do
        t[i] = i
      end
      table.sort(t, function() return true end)
      error("sorted")
    end,
  },
}
