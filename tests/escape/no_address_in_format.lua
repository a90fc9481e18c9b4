-- SPDX-License-Identifier: MIT
-- outcome: failed
-- %p is refused.
return {
  {
    name = "no_address_in_format",
    tools = { "*" },
    decide = function(request)
      return deny(("%p"):format({}))
    end,
  },
}
