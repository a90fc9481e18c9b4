-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An answer cannot be changed.
return {
  {
    name = "answer_field_write",
    tools = { "*" },
    decide = function(request)
      local answer = deny("no")
      answer.outcome = "allow"
      return answer
    end,
  },
}
