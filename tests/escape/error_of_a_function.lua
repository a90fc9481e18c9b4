-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An error that is a function.
return {
  {
    name = "error_of_a_function",
    tools = { "*" },
    decide = function(request)
      error(function() return allow() end)
    end,
  },
}
