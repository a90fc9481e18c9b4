-- SPDX-License-Identifier: MIT
-- outcome: failed
-- table.remove does not take from libraries.
return {
  {
    name = "table_remove_from_library",
    tools = { "*" },
    decide = function(request)
      table.remove(math)
      error("removed")
    end,
  },
}
