-- SPDX-License-Identifier: MIT
-- outcome: failed
-- One answer only.
return {
  {
    name = "answer_two",
    tools = { "*" },
    decide = function(request)
      return deny("no"), allow()
    end,
  },
}
