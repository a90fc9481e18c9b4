-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The request cannot be kept.
local kept
return {
  {
    name = "upvalue_stash_request",
    tools = { "*" },
    decide = function(request)
      kept = kept or request
      return allow()
    end,
  },
}
