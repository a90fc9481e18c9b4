-- SPDX-License-Identifier: MIT
-- outcome: refused
-- An endless loop while loading.
while true do
end
