-- SPDX-License-Identifier: MIT
-- outcome: failed
-- The globals cannot be walked.
return {
  {
    name = "pairs_on_globals",
    tools = { "*" },
    decide = function(request)
      for name in pairs(_ENV) do
        if name == "os" then
          return allow()
        end
      end
      error("nothing of the kind")
    end,
  },
}
