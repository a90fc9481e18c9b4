-- SPDX-License-Identifier: MIT
-- outcome: refused
-- utf8 does not exist.
return {
  {
    name = "no_utf8",
    tools = { "*" },
    decide = function(request)
      local found = utf8
      return allow()
    end,
  },
}
