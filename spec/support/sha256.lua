-- SPDX-License-Identifier: MIT
-- SHA-256 (FIPS 180-4) as lower-case hex: an implementation that owes nothing to the one it is compared with.

local function primes(count)
  local list, n = {}, 2
  while #list < count do
    local prime = true
    for _, p in ipairs(list) do
      if p * p > n then break end
      if n % p == 0 then prime = false break end
    end
    if prime then list[#list + 1] = n end
    n = n + 1
  end
  return list
end

-- The first 32 bits of the fraction of the root of n; a double is exact enough for the primes that are needed.
local function root_fraction(n, power)
  local root = n ^ (1 / power)
  return math.floor((root - math.floor(root)) * 4294967296)
end

local k, h0 = {}, {}
for i, prime in ipairs(primes(64)) do
  k[i] = root_fraction(prime, 3)
  if i <= 8 then h0[i] = root_fraction(prime, 2) end
end

local function ror(x, n)
  return ((x >> n) | (x << (32 - n))) & 0xffffffff
end

local function block(h, w)
  for i = 17, 64 do
    local x, y = w[i - 15], w[i - 2]
    w[i] = (w[i - 16] + (ror(x, 7) ~ ror(x, 18) ~ (x >> 3)) + w[i - 7] + (ror(y, 17) ~ ror(y, 19) ~ (y >> 10)))
      & 0xffffffff
  end
  local a, b, c, d, e, f, g, j = table.unpack(h)
  for i = 1, 64 do
    local t1 = j + (ror(e, 6) ~ ror(e, 11) ~ ror(e, 25)) + ((e & f) ~ (~e & g)) + k[i] + w[i]
    local t2 = (ror(a, 2) ~ ror(a, 13) ~ ror(a, 22)) + ((a & b) ~ (a & c) ~ (b & c))
    j, g, f, e, d, c, b, a = g, f, e, (d + t1) & 0xffffffff, c, b, a, (t1 + t2) & 0xffffffff
  end
  for i, v in ipairs { a, b, c, d, e, f, g, j } do
    h[i] = (h[i] + v) & 0xffffffff
  end
end

return function(text)
  local padded = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. string.pack(">I8", #text * 8)
  local h = table.move(h0, 1, 8, 1, {})
  for at = 1, #padded, 64 do
    block(h, { string.unpack(">" .. ("I4"):rep(16), padded, at) })
  end
  return (("%08x"):rep(8)):format(table.unpack(h))
end
