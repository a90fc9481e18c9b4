-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Nor looked into.
return {
  {
    name = "answer_field_read",
    tools = { "*" },
    decide = function(request)
      local answer = deny("no")
      return answer.outcome
    end,
  },
}
