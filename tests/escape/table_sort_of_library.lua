-- SPDX-License-Identifier: MIT
-- outcome: failed
-- table.sort does not reorder what is read-only.
return {
  {
    name = "table_sort_of_library",
    tools = { "*" },
    decide = function(request)
      table.sort(table.pack and math)
      error("sorted")
    end,
  },
}
