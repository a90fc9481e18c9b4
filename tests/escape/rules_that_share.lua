-- SPDX-License-Identifier: MIT
-- outcome: failed
-- Two rules cannot talk through a table between them.
local shared = {}
return {
  { name = "a", tools = { "*" }, decide = function() shared.x = true end },
  { name = "b", tools = { "*" }, decide = function() return shared.x and allow() or deny("no") end },
}
