-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An error that is a table.
return {
  {
    name = "error_table",
    tools = { "*" },
    decide = function(request)
      error({ code = 1 })
    end,
  },
}
