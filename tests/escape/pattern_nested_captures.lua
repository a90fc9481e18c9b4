-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Too many captures.
return {
  {
    name = "pattern_nested_captures",
    tools = { "*" },
    decide = function(request)
      return ("x"):find(("("):rep(40) .. "x" .. (")"):rep(40))
    end,
  },
}
