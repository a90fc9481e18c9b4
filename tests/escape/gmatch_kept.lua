-- SPDX-License-Identifier: MIT
-- outcome: refused
-- An iterator remembers its place and cannot be kept.
local next_letter = ("abc"):gmatch(".")
return {
  { name = "gmatch_kept", tools = { "*" }, decide = function() return deny(next_letter()) end },
}
