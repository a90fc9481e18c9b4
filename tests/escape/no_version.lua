-- SPDX-License-Identifier: MIT
-- outcome: refused
-- _VERSION does not exist.
return {
  {
    name = "no_version",
    tools = { "*" },
    decide = function(request)
      local found = _VERSION
      return allow()
    end,
  },
}
