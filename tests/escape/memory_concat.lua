-- SPDX-License-Identifier: MIT
-- outcome: failed
-- table.concat of a long list.
return {
  {
    name = "memory_concat",
    tools = { "*" },
    decide = function(request)
      local t = {}
      for i = 1, 5000 do
        t[i] = ("x"):rep(1000)
      end
      return deny(table.concat(t))
    end,
  },
}
