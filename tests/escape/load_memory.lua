-- SPDX-License-Identifier: MIT
-- outcome: refused
-- Memory without end while loading.
local t = {}
while true do
  t[#t + 1] = ("x"):rep(1000) .. #t
end
