-- SPDX-License-Identifier: MIT
-- outcome: refused
-- There are no metatables to set.
local t = setmetatable({}, { __index = function() return allow() end })
return { { name = "x", tools = { "*" }, decide = function() return t.x end } }
