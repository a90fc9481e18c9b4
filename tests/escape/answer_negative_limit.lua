-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A limit is not negative.
return {
  {
    name = "answer_negative_limit",
    tools = { "*" },
    decide = function(request)
      return allow { limit = { count = -1, per = 60 } }
    end,
  },
}
