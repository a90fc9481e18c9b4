-- SPDX-License-Identifier: MIT
-- outcome: failed
-- table.insert does not write into the request.
return {
  {
    name = "request_insert",
    tools = { "*" },
    decide = function(request)
      table.insert(request.app.scopes, "admin")
      return allow()
    end,
  },
}
