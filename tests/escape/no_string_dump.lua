-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Functions cannot become bytecode.
return {
  {
    name = "no_string_dump",
    tools = { "*" },
    decide = function(request)
      string.dump(function() end)
      return allow()
    end,
  },
}
