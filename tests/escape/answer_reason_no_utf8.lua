-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A reason is UTF-8.
return {
  {
    name = "answer_reason_no_utf8",
    tools = { "*" },
    decide = function(request)
      return deny("\xC3\x28")
    end,
  },
}
