-- SPDX-License-Identifier: MIT
-- outcome: refused
-- A file returns rules.
local _ = 1
