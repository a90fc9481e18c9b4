-- SPDX-License-Identifier: MIT
-- outcome: allow
-- No text shows an address.
local print_me = function() end
return {
  {
    name = "no_address_in_tostring",
    tools = { "*" },
    decide = function(request)
      local all = tostring(print_me) .. tostring(request) .. tostring(allow) .. tostring({})
        .. tostring(allow()) .. tostring(always()) .. tostring(null)
      if all:find("0x", 1, true) then
        return deny(all)
      end
      return allow()
    end,
  },
}
