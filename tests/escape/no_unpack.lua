-- SPDX-License-Identifier: MIT
-- outcome: refused
-- unpack does not exist.
return {
  {
    name = "no_unpack",
    tools = { "*" },
    decide = function(request)
      local found = unpack
      return allow()
    end,
  },
}
