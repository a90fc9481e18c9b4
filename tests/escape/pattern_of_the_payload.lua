-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The payload drives an honest pattern into its worst case.
return {
  {
    name = "pattern_of_the_payload",
    tools = { "*" },
    decide = function(request)
      local s = ("a"):rep(60000) .. "!"
      return s:match("^(a*)*$") or s:match("(a*)(a*)(a*)(a*)b") or deny("no match")
    end,
  },
}
