-- SPDX-License-Identifier: MIT
return { description = "The core's own rules and nothing more." }
