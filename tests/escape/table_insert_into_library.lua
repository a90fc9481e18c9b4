-- SPDX-License-Identifier: MIT
-- outcome: failed
-- table.insert does not write into libraries.
return {
  {
    name = "table_insert_into_library",
    tools = { "*" },
    decide = function(request)
      table.insert(string, 1)
      return allow()
    end,
  },
}
