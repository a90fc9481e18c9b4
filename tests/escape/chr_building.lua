-- SPDX-License-Identifier: MIT
-- outcome: refused
-- Source text cannot be run.
return {
  {
    name = "chr_building",
    tools = { "*" },
    decide = function(request)
      local source = string.char(114, 101, 116, 117, 114, 110)
      return load(source)()
    end,
  },
}
