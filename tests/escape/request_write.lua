-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The request is read-only.
return {
  {
    name = "request_write",
    tools = { "*" },
    decide = function(request)
      request.now = 0
      return allow()
    end,
  },
}
