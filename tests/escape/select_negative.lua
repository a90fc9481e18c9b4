-- SPDX-License-Identifier: MIT
-- outcome: failed
-- select with a wild index.
return {
  {
    name = "select_negative",
    tools = { "*" },
    decide = function(request)
      return select(-1 << 62, 1)
    end,
  },
}
