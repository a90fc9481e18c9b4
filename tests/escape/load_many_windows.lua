-- SPDX-License-Identifier: MIT
-- outcome: refused
-- Windows without end while loading.
local t = {}
for i = 1, 5000 do
  t[i] = always()
end
return {}
