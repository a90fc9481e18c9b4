-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Nor can one be written.
return {
  {
    name = "env_computed_write",
    tools = { "*" },
    decide = function(request)
      _ENV["al" .. "low"] = function() return deny("x") end
      return allow()
    end,
  },
}
