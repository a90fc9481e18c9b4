-- SPDX-License-Identifier: MIT
-- outcome: failed
-- next walks tables only.
return {
  {
    name = "next_on_string",
    tools = { "*" },
    decide = function(request)
      return next("x")
    end,
  },
}
