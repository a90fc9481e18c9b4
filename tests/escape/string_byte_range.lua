-- SPDX-License-Identifier: MIT
-- outcome: failed
-- string.byte of a range larger than the stack.
return {
  {
    name = "string_byte_range",
    tools = { "*" },
    decide = function(request)
      return ("x"):rep(200000):byte(1, -1)
    end,
  },
}
