-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A malformed pattern.
return {
  {
    name = "pattern_malformed",
    tools = { "*" },
    decide = function(request)
      return ("x"):find("[a")
    end,
  },
}
