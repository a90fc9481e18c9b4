-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Garbage faster than it is collected.
return {
  {
    name = "memory_garbage",
    tools = { "*" },
    decide = function(request)
      while true do
        local _ = ("x"):rep(200000)
      end
    end,
  },
}
