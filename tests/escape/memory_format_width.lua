-- SPDX-License-Identifier: MIT
-- outcome: failed
-- A width that would fill memory.
return {
  {
    name = "memory_format_width",
    tools = { "*" },
    decide = function(request)
      return deny(("%99999999d"):format(1))
    end,
  },
}
