-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A table is no answer, whatever its fields.
return {
  {
    name = "answer_table_that_looks_right",
    tools = { "*" },
    decide = function(request)
      return { outcome = "allow", approvals = 0 }
    end,
  },
}
