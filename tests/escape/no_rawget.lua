-- SPDX-License-Identifier: MIT
-- outcome: refused
-- rawget does not exist.
return {
  {
    name = "no_rawget",
    tools = { "*" },
    decide = function(request)
      local found = rawget
      return allow()
    end,
  },
}
