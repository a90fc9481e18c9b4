-- SPDX-License-Identifier: MIT
-- outcome: failed
-- array{} does not change what is the host's.
return {
  {
    name = "request_array_mark",
    tools = { "*" },
    decide = function(request)
      array(request.app)
      error("marked")
    end,
  },
}
