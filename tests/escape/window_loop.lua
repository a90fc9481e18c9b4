-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A window that never answers.
return {
  {
    name = "window_loop",
    tools = { "*" },
    window = function()
      while true do
      end
    end,
  },
}
