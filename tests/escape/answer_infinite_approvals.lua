-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Infinity is no number of people.
return {
  {
    name = "answer_infinite_approvals",
    tools = { "*" },
    decide = function(request)
      return draft("d", { approvals = math.huge })
    end,
  },
}
