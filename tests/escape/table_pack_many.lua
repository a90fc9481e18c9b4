-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Packing again and again.
return {
  {
    name = "table_pack_many",
    tools = { "*" },
    decide = function(request)
      local t = table.pack(1)
      while true do
        t = table.pack(t, table.unpack(t, 1, 200))
      end
    end,
  },
}
