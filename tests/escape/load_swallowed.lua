-- SPDX-License-Identifier: MIT
-- outcome: refused
-- A budget spent and swallowed while loading.
pcall(function()
  while true do
  end
end)
return { { name = "load_swallowed", tools = { "*" }, decide = function() return allow() end } }
