-- SPDX-License-Identifier: MIT
-- outcome: deny
-- Walking the request shows its fields and no function.
return {
  {
    name = "pairs_order",
    tools = { "*" },
    decide = function(request)
      local count = 0
      for name, value in pairs(request) do
        count = count + 1
        assert(type(name) == "string" and type(value) ~= "function")
      end
      return deny("fields: " .. count)
    end,
  },
}
