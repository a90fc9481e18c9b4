-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Windows made in a call without end.
return {
  {
    name = "windows_without_end",
    tools = { "*" },
    decide = function(request)
      while true do
        always()
      end
    end,
  },
}
