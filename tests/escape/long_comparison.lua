-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Comparing long equal texts over and over.
return {
  {
    name = "long_comparison",
    tools = { "*" },
    decide = function(request)
      local a, b = ("x"):rep(200000), ("x"):rep(199999) .. "x"
      while a == b do
      end
    end,
  },
}
