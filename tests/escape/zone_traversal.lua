-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A zone is a name, no path.
return {
  {
    name = "zone_traversal",
    tools = { "*" },
    decide = function(request)
      return now_in("../../../etc/passwd") and allow()
    end,
  },
}
