-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A replacement function that never returns.
return {
  {
    name = "gsub_callback_forever",
    tools = { "*" },
    decide = function(request)
      return ("x"):gsub("x", function()
        while true do
        end
      end)
    end,
  },
}
