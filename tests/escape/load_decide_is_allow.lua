-- SPDX-License-Identifier: MIT
-- outcome: refused
-- A constructor of the host is no rule.
return { { name = "load_decide_is_allow", tools = { "*" }, decide = allow } }
