-- SPDX-License-Identifier: MIT
-- outcome: failed
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
