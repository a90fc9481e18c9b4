-- SPDX-License-Identifier: MIT
-- outcome: refused
-- rawset does not exist.
return {
  {
    name = "no_rawset",
    tools = { "*" },
    decide = function(request)
      local found = rawset
      return allow()
    end,
  },
}
