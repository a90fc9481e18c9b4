-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An error that is nothing.
return {
  {
    name = "error_nil",
    tools = { "*" },
    decide = function(request)
      error()
    end,
  },
}
