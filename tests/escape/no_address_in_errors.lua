-- SPDX-License-Identifier: MIT
-- outcome: allow
-- Nor does an error.
return {
  {
    name = "no_address_in_errors",
    tools = { "*" },
    decide = function(request)
      local _, message = pcall(function() return {} + 1 end)
      if message:find("0x", 1, true) then
        return deny(message)
      end
      return allow()
    end,
  },
}
