-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Arguments that double.
return {
  {
    name = "memory_varargs",
    tools = { "*" },
    decide = function(request)
      local function double(...)
        return double(..., ...)
      end
      local function more(...)
        return more(1, ...)
      end
      return more()
    end,
  },
}
