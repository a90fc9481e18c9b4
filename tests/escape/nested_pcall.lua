-- SPDX-License-Identifier: MIT
-- outcome: failed
-- pcall within pcall, each swallowing.
return {
  {
    name = "nested_pcall",
    tools = { "*" },
    decide = function(request)
      local function again(n)
        pcall(function()
          if n > 0 then
            again(n - 1)
          end
          while true do
          end
        end)
      end
      again(50)
      return allow()
    end,
  },
}
