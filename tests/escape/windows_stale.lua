-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A window of a table that is no description.
return {
  {
    name = "windows_stale",
    tools = { "*" },
    decide = function(request)
      return within(weekly(request), 0) and allow()
    end,
  },
}
