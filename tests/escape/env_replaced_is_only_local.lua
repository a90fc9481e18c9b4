-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A new _ENV has nothing in it.
return {
  {
    name = "env_replaced_is_only_local",
    tools = { "*" },
    decide = function(request)
      local _ENV = {}
      return allow()
    end,
  },
}
