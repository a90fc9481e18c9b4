-- SPDX-License-Identifier: MIT
-- outcome: refused
-- A test that never ends refuses the load.
return {
  {
    name = "tests_that_loop",
    tools = { "*" },
    decide = function()
      while true do
      end
    end,
    tests = { { expect = { "allow" } } },
  },
}
