-- SPDX-License-Identifier: MIT
-- outcome: refused
-- A file returns rules, not a library.
return string
