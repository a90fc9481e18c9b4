-- SPDX-License-Identifier: MIT
-- outcome: refused
-- _ENV is read-only.
return {
  {
    name = "env_cannot_be_written",
    tools = { "*" },
    decide = function(request)
      _ENV.allow = nil
      return allow()
    end,
  },
}
