-- SPDX-License-Identifier: MIT
-- outcome: failed
-- An insertion far outside.
return {
  {
    name = "table_insert_far",
    tools = { "*" },
    decide = function(request)
      table.insert({}, 1 << 50, 1)
      return allow()
    end,
  },
}
