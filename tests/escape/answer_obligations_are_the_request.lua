-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The request is no table of obligations.
return {
  {
    name = "answer_obligations_are_the_request",
    tools = { "*" },
    decide = function(request)
      return allow(request)
    end,
  },
}
