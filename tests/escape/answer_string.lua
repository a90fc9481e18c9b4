-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A text is no answer.
return {
  {
    name = "answer_string",
    tools = { "*" },
    decide = function(request)
      return "allow"
    end,
  },
}
