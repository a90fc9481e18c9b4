-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An error with control characters and broken UTF-8.
return {
  {
    name = "error_control",
    tools = { "*" },
    decide = function(request)
      error("\27[31m\xFF\0" .. "x")
    end,
  },
}
