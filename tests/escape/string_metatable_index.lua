-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A string leads to the string library and no further.
return {
  {
    name = "string_metatable_index",
    tools = { "*" },
    decide = function(request)
      return ("x").__metatable.__index()
    end,
  },
}
