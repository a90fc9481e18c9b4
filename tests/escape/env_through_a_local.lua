-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Nor through another name of the same table.
return {
  {
    name = "env_through_a_local",
    tools = { "*" },
    decide = function(request)
      local all = _ENV
      return all.load("return 1") and allow()
    end,
  },
}
