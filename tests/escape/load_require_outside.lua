-- SPDX-License-Identifier: MIT
-- outcome: refused
-- require leads to lib/ only.
require "../../etc/passwd"
return {}
