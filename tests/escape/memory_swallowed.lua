-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Running out of memory, swallowed, then an allow.
return {
  {
    name = "memory_swallowed",
    tools = { "*" },
    decide = function(request)
      pcall(function()
        local t = {}
        for i = 1, 1 << 40 do
          t[i] = ("x"):rep(1000) .. i
        end
      end)
      return allow()
    end,
  },
}
