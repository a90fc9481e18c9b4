-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A string that doubles.
return {
  {
    name = "memory_string_doubling",
    tools = { "*" },
    decide = function(request)
      local s = "x"
      while true do
        s = s .. s
      end
    end,
  },
}
