-- SPDX-License-Identifier: MIT
-- outcome: failed
-- NaN is no answer.
return {
  {
    name = "answer_nan",
    tools = { "*" },
    decide = function(request)
      return 0 / 0
    end,
  },
}
