-- SPDX-License-Identifier: MIT
-- outcome: failed
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
