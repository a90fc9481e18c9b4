-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Closures without end.
return {
  {
    name = "memory_closures",
    tools = { "*" },
    decide = function(request)
      local kept = {}
      while true do
        local n = #kept
        kept[n + 1] = function() return n, kept end
      end
    end,
  },
}
