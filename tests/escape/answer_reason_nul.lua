-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A reason has no zero bytes.
return {
  {
    name = "answer_reason_nul",
    tools = { "*" },
    decide = function(request)
      return deny("a\0b")
    end,
  },
}
