-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Tail calls without end.
return {
  {
    name = "endless_tail_calls",
    tools = { "*" },
    decide = function(request)
      local function again()
        return again()
      end
      return again()
    end,
  },
}
