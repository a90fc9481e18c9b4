-- SPDX-License-Identifier: MIT
-- outcome: refused
-- io does not exist.
return {
  {
    name = "no_io",
    tools = { "*" },
    decide = function(request)
      local found = io
      return allow()
    end,
  },
}
