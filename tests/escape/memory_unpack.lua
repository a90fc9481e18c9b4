-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Unpacking more than the stack holds.
return {
  {
    name = "memory_unpack",
    tools = { "*" },
    decide = function(request)
      return select("#", table.unpack({}, 1, 1 << 30)) and allow()
    end,
  },
}
