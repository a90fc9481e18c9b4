-- SPDX-License-Identifier: MIT
-- Tokens as strangers can make them up: a kind, a secret, and a checksum that is right.
local token = {}

local digits <const> = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

-- As in IEEE 802.3.
local function crc32(text)
  local crc = 0xffffffff
  for i = 1, #text do
    crc = crc ~ text:byte(i)
    for _ = 1, 8 do
      crc = crc & 1 == 1 and (crc >> 1) ~ 0xedb88320 or crc >> 1
    end
  end
  return crc ~ 0xffffffff
end

local function checksum(text)
  local crc, check = crc32(text), ""
  for _ = 1, 6 do
    check = digits:sub(crc % 62 + 1, crc % 62 + 1) .. check
    crc = crc // 62
  end
  return check
end

-- Gives a token that nobody was given; with the first characters of another's secret, if told.
function token.make_up(beginning)
  local text = "op_" .. (beginning or "")
  while #text < 46 do
    local at = math.random(#digits)
    text = text .. digits:sub(at, at)
  end
  return text .. checksum(text)
end

return token
