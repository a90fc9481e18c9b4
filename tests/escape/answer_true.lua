-- SPDX-License-Identifier: MIT
-- outcome: failed
-- true is no answer.
return {
  {
    name = "answer_true",
    tools = { "*" },
    decide = function(request)
      return true
    end,
  },
}
