-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The constructor is no answer.
return {
  {
    name = "answer_allow_itself",
    tools = { "*" },
    decide = function(request)
      return allow
    end,
  },
}
