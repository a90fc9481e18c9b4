-- SPDX-License-Identifier: MIT
-- outcome: refused
-- A list of tools that holds itself.
local tools = { "*" }
tools[2] = tools
return { { name = "load_tools_cyclic", tools = tools, decide = function() return allow() end } }
