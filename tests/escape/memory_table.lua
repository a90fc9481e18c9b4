-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A table without end.
return {
  {
    name = "memory_table",
    tools = { "*" },
    decide = function(request)
      local t = {}
      for i = 1, 1 << 40 do
        t[i] = i
      end
    end,
  },
}
