-- SPDX-License-Identifier: MIT
-- outcome: refused
-- rawlen does not exist.
return {
  {
    name = "no_rawlen",
    tools = { "*" },
    decide = function(request)
      local found = rawlen
      return allow()
    end,
  },
}
