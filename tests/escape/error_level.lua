-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An error that blames its caller.
return {
  {
    name = "error_level",
    tools = { "*" },
    decide = function(request)
      error("x", 50)
    end,
  },
}
