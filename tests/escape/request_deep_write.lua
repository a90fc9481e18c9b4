-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Nor can anything in it be written.
return {
  {
    name = "request_deep_write",
    tools = { "*" },
    decide = function(request)
      request.app.id = "other"
      return allow()
    end,
  },
}
