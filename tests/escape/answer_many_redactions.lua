-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A list has its bound.
return {
  {
    name = "answer_many_redactions",
    tools = { "*" },
    decide = function(request)
      local t = {}
      for i = 1, 65 do
        t[i] = "f" .. i
      end
      return allow { redact = t }
    end,
  },
}
