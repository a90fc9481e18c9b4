-- SPDX-License-Identifier: MIT
-- outcome: refused
-- loadstring does not exist.
return {
  {
    name = "no_loadstring",
    tools = { "*" },
    decide = function(request)
      local found = loadstring
      return allow()
    end,
  },
}
