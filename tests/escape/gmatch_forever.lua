-- SPDX-License-Identifier: MIT
-- outcome: failed
-- gmatch over a long text, over and over.
return {
  {
    name = "gmatch_forever",
    tools = { "*" },
    decide = function(request)
      while true do
        for _ in (" "):rep(1000):gmatch("()") do
        end
      end
    end,
  },
}
