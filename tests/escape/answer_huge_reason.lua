-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A reason has its bound.
return {
  {
    name = "answer_huge_reason",
    tools = { "*" },
    decide = function(request)
      return deny(("x"):rep(512))
    end,
  },
}
