-- SPDX-License-Identifier: MIT
-- outcome: failed
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
