-- SPDX-License-Identifier: MIT
-- TLS: what is spoken, with which certificate, and that nothing else changes behind it.
local certificate = require "spec.support.certificate"
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"
local socket = require "socket"

local hsts <const> = "max-age=31536000"

describe("a gateway with a certificate", function()
  local g, dir, file, key

  setup(function()
    dir = gateway.make_dir()
    file, key = certificate.make(dir, "first")
    g = gateway.start { flags = { "--tls-certificate", file, "--tls-key", key } }
  end)
  teardown(function()
    gateway.stop(g)
    os.execute("rm -rf '" .. dir .. "'")
  end)

  -- Gives the connection, or nil and why there is none.
  local function connect(wishes)
    local sock = assert(socket.connect(g.address.host, g.address.port))
    sock:settimeout(connection.timeout_s)
    return connection.secure(sock, wishes or {})
  end

  local function name_of(sock)
    return sock:getpeercertificate():subject()[1].value
  end

  local function served_name()
    local sock = assert(connect())
    local name = name_of(sock)
    sock:close()
    return name
  end

  it("says that it speaks https", function()
    assert.is_truthy(g.base_url:find("^https://127%.0%.0%.1:%d+$"))
  end)

  it("is known by who trusts the certificate, and not by others", function()
    assert(connect { verify = "peer", cafile = file }):close()
    local other = certificate.make(dir, "other")
    assert.is_nil((connect { verify = "peer", cafile = other }))
  end)

  it("has every answer say that TLS is to be kept to", function()
    local answers = { g.agent:get("/manifest"), g.agent:get("/nothing"), g:client(""):get("/healthz"),
      http.raw(g.address, "BREW / HTTP/1.1\r\n\r\n") }
    for i, answer in ipairs(answers) do
      assert.equal(hsts, answer.headers["strict-transport-security"], tostring(i))
    end
  end)

  it("does all that it does without", function()
    local draft = ledger.draft(g.agent, ledger.create())
    check.ok(g.admin:post(("/drafts/%s/approve"):format(draft.id), {}))
    assert.equal("confirmed", check.ok(g.agent:get("/drafts/" .. draft.id)).draft.status)
  end)

  it("streams events", function()
    local stream = g.admin:stream("/events")
    g:app { name = "Seen" }
    assert.is_truthy(stream:next())
    stream:close()
  end)

  it("refuses TLS before 1.2", function()
    for _, version in ipairs { "tlsv1", "tlsv1_1" } do
      local sock, problem = connect { protocol = version, ciphers = "ALL:@SECLEVEL=0" }
      assert.is_nil(sock)
      assert.equal("tlsv1 alert protocol version", problem)
    end
    for _, version in ipairs { "tlsv1_2", "tlsv1_3" } do
      assert(connect { protocol = version }):close()
    end
  end)

  it("refuses ciphers without forward secrecy", function()
    assert.is_nil((connect { protocol = "tlsv1_2", ciphers = "AES128-GCM-SHA256:AES256-SHA256" }))
  end)

  it("answers nothing in the clear", function()
    local sock = assert(socket.connect(g.address.host, g.address.port))
    sock:settimeout(connection.timeout_s)
    sock:send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    local bytes, problem, partial = sock:receive("*a")
    assert.is_nil(((bytes or "") .. (partial or "")):find("HTTP", 1, true))
    assert.is_true(problem == nil or problem == "closed")
    sock:close()
  end)

  it("tells a refused client why", function()
    local head = "POST /api/agent/v1/actions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    check.refused(assert(http.raw(g.address, head .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")), 411,
      "common.length_required")
    check.refused(assert(http.raw(g.address, head .. "Content-Length: 100\r\n\r\n" .. ("x"):rep(100))), 401,
      "agent.token_invalid")
    check.refused(assert(http.raw(g.address, head .. "Content-Length: 400000\r\n\r\n" .. ("x"):rep(60000))), 413,
      "common.payload_too_large")
  end)

  it("takes a new certificate when it is told to, and lets who is connected go on", function()
    local conn = connection.open(g.address)
    assert.equal("first", served_name())
    local new_file, new_key = certificate.make(dir, "second")
    os.rename(new_file, file)
    os.rename(new_key, key)
    assert.equal("first", served_name())
    os.execute("kill -HUP " .. g.pid)
    gateway.eventually("the new certificate", function() return served_name() == "second" end)
    assert.is_truthy(g:log():find('"event":"tls.reloaded"', 1, true))
    assert.equal(200, assert(g.agent:over(conn, { method = "GET", path = "/manifest" })).status)
    assert.equal("first", name_of(conn.sock))
    conn:close()
  end)

  it("keeps the certificate that it has when the new one is broken, and says so", function()
    local before = served_name()
    gateway.write_file(file, "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    os.execute("kill -HUP " .. g.pid)
    gateway.eventually("the line about it", function()
      return g:log():find('"event":"tls.reload_failed"', 1, true)
    end)
    assert.is_truthy(g:log():find(file, 1, true))
    assert.equal(before, served_name())
    assert.equal(200, g.agent:get("/manifest").status)
  end)
end)

describe("a gateway that is to have a certificate", function()
  local dir, file, key

  setup(function()
    dir = gateway.make_dir()
    file, key = certificate.make(dir, "own")
  end)
  teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  local function refused(words, ...)
    local output, code = gateway.run(("serve --log text --listen 127.0.0.1:0 --data '%s/data' %s"):format(dir, words))
    assert.equal(2, code, output)
    for _, text in ipairs { ... } do
      assert.is_truthy(output:find(text, 1, true), output)
    end
  end

  it("does not start without one that can be used, and names the file", function()
    local _, other_key = certificate.make(dir, "other")
    refused(("--tls-certificate '%s/none.pem' --tls-key '%s'"):format(dir, key), dir .. "/none.pem", "No such file")
    refused(("--tls-certificate '%s' --tls-key '%s'"):format(file, other_key), other_key, "with the certificate")
    refused(("--tls-certificate '%s' --tls-key '%s'"):format(key, key), key, "no certificate", "no start line")
    local _, locked = certificate.make(dir, "locked")
    certificate.lock(locked)
    refused(("--tls-certificate '%s' --tls-key '%s'"):format(file, locked), locked, "has a password")
  end)

  it("says when its certificate has expired", function()
    local old, old_key = certificate.make(dir, "old")
    certificate.let_expire(old, old_key)
    local g = gateway.start { flags = { "--tls-certificate", old, "--tls-key", old_key } }
    finally(function() gateway.stop(g) end)
    local line = assert(g:log():match('[^\n]*"event":"tls.expired"[^\n]*'))
    assert.is_truthy(line:find('"level":"warn"', 1, true))
    assert.is_truthy(line:find(g.base_url, 1, true))
    assert.is_truthy(line:find(old, 1, true))
  end)

  it("does not start with half of it", function()
    refused(("--tls-certificate '%s'"):format(file), "--tls-certificate", "needs a key")
    refused(("--tls-key '%s'"):format(key), "--tls-key", "needs a certificate")
    gateway.write_file(dir .. "/oppd.yaml", ("admin_tls:\n  certificate: %s\n  key: %s\n"):format(file, key))
    refused(("--config '%s/oppd.yaml'"):format(dir), "oppd.yaml:2", "admin_listen")
  end)

  it("may be reached by other machines with it", function()
    local g = gateway.start { listen = "0.0.0.0:0", flags = { "--tls-certificate", file, "--tls-key", key } }
    finally(function() gateway.stop(g) end)
    assert.equal(200, g.agent:get("/manifest").status)
  end)

  it("can have it for the admin endpoints alone", function()
    gateway.write_file(dir .. "/oppd.yaml", ("admin_tls:\n  certificate: %s\n  key: %s\n"):format(file, key))
    local g = gateway.start { flags = { "--config", dir .. "/oppd.yaml", "--admin-listen", "127.0.0.1:0" } }
    finally(function() gateway.stop(g) end)
    local url = assert(gateway.read_file(g:file("out")):match("admin endpoints are on (https://%S+)"))
    local admin = http.client(http.address(url), "/api/agent-admin/v1", g.credentials.admin_token)
    assert.equal(hsts, admin:get("/apps").headers["strict-transport-security"])
    assert.is_nil(g.agent:get("/manifest").headers["strict-transport-security"])
  end)
end)
