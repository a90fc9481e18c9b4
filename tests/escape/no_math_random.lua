-- SPDX-License-Identifier: MIT
-- outcome: allow
-- math.random is not there; an absent field of a library is nil.
return {
  {
    name = "no_math_random",
    tools = { "*" },
    decide = function(request)
      if math.random ~= nil or math.randomseed ~= nil then
        return deny("random")
      end
      return allow()
    end,
  },
}
