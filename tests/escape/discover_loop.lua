-- SPDX-License-Identifier: MIT
-- outcome: allow
-- A function that is not asked costs nothing.
return {
  {
    name = "discover_loop",
    tools = { "*" },
    discover = function()
      while true do
      end
    end,
  },
}
