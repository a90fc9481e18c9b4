-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An order that lies while sorting.
return {
  {
    name = "sort_forever",
    tools = { "*" },
    decide = function(request)
      local t = {}
      for i = 1, 3000 do
        t[i] = i
      end
      for _ = 1, 1000 do
        table.sort(t, function(a, b) return a > b end)
      end
    end,
  },
}
