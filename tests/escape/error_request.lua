-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An error that is the request.
return {
  {
    name = "error_request",
    tools = { "*" },
    decide = function(request)
      error(request)
    end,
  },
}
