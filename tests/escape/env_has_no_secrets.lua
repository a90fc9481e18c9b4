-- SPDX-License-Identifier: MIT
-- outcome: refused
-- _ENV is the sandbox; it has no more than the sandbox.
return {
  {
    name = "env_has_no_secrets",
    tools = { "*" },
    decide = function(request)
      local os = _ENV.os
      return allow()
    end,
  },
}
