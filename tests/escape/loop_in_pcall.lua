-- SPDX-License-Identifier: MIT
-- outcome: failed
-- pcall does not catch a spent budget.
return {
  {
    name = "loop_in_pcall",
    tools = { "*" },
    decide = function(request)
      while true do
        pcall(function()
          while true do
          end
        end)
      end
    end,
  },
}
