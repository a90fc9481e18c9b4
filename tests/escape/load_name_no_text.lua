-- SPDX-License-Identifier: MIT
-- outcome: refused
-- A rule's name is text.
return { { name = {}, tools = { "*" }, decide = function() return allow() end } }
