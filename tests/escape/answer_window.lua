-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A window is no answer to decide.
return {
  {
    name = "answer_window",
    tools = { "*" },
    decide = function(request)
      return always()
    end,
  },
}
