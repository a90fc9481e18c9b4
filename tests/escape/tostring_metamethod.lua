-- SPDX-License-Identifier: MIT
-- outcome: failed
-- There is no way to a metatable.
return {
  {
    name = "tostring_metamethod",
    tools = { "*" },
    decide = function(request)
      return ("x").__index and deny("x") or error("none")
    end,
  },
}
