-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A name put together at run time is not there either.
return {
  {
    name = "env_computed_name",
    tools = { "*" },
    decide = function(request)
      local found = _ENV["o" .. "s"]
      return allow()
    end,
  },
}
