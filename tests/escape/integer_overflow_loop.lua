-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A loop over all integers.
return {
  {
    name = "integer_overflow_loop",
    tools = { "*" },
    decide = function(request)
      for i = math.mininteger, math.maxinteger do
        local _ = i
      end
    end,
  },
}
