-- SPDX-License-Identifier: MIT
-- outcome: refused
-- rawequal does not exist.
return {
  {
    name = "no_rawequal",
    tools = { "*" },
    decide = function(request)
      local found = rawequal
      return allow()
    end,
  },
}
