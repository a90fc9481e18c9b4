-- SPDX-License-Identifier: MIT
-- outcome: failed
-- request.recent is only where it can be answered.
return {
  {
    name = "recent_not_here",
    tools = { "*" },
    decide = function(request)
      return request.recent { seconds = 60 } > 0 and deny("x")
    end,
  },
}
