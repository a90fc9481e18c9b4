-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An error of a hundred kilobytes.
return {
  {
    name = "error_huge",
    tools = { "*" },
    decide = function(request)
      error(("x"):rep(100000))
    end,
  },
}
