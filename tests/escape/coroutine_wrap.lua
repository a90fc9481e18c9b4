-- SPDX-License-Identifier: MIT
-- outcome: refused
-- There are no coroutines to remember with.
local turn = coroutine.wrap(function()
end)
return { { name = "coroutine_wrap", tools = { "*" }, decide = function() return turn() end } }
