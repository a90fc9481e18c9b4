-- SPDX-License-Identifier: MIT
-- outcome: refused
-- Nor can functions be declared global.
return {
  {
    name = "global_function_write",
    tools = { "*" },
    decide = function(request)
      function allow_all()
      end
      return allow()
    end,
  },
}
