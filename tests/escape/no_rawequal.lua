-- SPDX-License-Identifier: MIT
-- outcome: failed
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
