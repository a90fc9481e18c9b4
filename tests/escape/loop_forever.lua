-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An endless loop.
return {
  {
    name = "loop_forever",
    tools = { "*" },
    decide = function(request)
      while true do
      end
    end,
  },
}
