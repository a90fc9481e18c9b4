-- SPDX-License-Identifier: MIT
-- Certificates that specs make for themselves.
local certificate = {}

local function quote(text) return "'" .. text .. "'" end

-- Writes a new key and a certificate that it has signed itself, for localhost, to dir/NAME.pem and dir/NAME.key; gives
-- both paths.
function certificate.make(dir, name)
  local file, key = ("%s/%s.pem"):format(dir, name), ("%s/%s.key"):format(dir, name)
  local command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s "
    .. "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout %s -out %s 2>/dev/null"
  assert(os.execute(command:format(name, quote(key), quote(file))))
  return file, key
end

-- Signs the certificate anew, so that its last day was yesterday.
function certificate.let_expire(file, key)
  local command = "openssl x509 -in %s -signkey %s -days -1 -out %s 2>/dev/null"
  assert(os.execute(command:format(quote(file), quote(key), quote(file))))
end

-- Gives the key a password.
function certificate.lock(key)
  local command = "openssl ec -in %s -aes256 -passout pass:secret -out %s 2>/dev/null"
  assert(os.execute(command:format(quote(key), quote(key))))
end

return certificate
