-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A jump back without end.
return {
  {
    name = "goto_forever",
    tools = { "*" },
    decide = function(request)
      ::top::
      goto top
    end,
  },
}
