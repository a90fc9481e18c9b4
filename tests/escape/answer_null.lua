-- SPDX-License-Identifier: MIT
-- outcome: failed
-- null is no answer.
return {
  {
    name = "answer_null",
    tools = { "*" },
    decide = function(request)
      return null
    end,
  },
}
