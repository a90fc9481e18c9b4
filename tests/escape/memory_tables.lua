-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Tables in tables.
return {
  {
    name = "memory_tables",
    tools = { "*" },
    decide = function(request)
      local t = {}
      while true do
        t = { t, {}, {}, {} }
      end
    end,
  },
}
