-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An answer is no table of obligations.
return {
  {
    name = "answer_as_obligations",
    tools = { "*" },
    decide = function(request)
      return allow(allow())
    end,
  },
}
