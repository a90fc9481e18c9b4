-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local socket = require "socket"

-- A time a little from now, as RFC 3339.
local function soon(seconds)
  local at = socket.gettime() + seconds
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(at)) .. (".%03dZ"):format(math.floor(at % 1 * 1000))
end

describe("who is calling", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function refused(client, code, path)
    local response = client:get(path or "/manifest")
    check.refused(response, 401, code or "agent.token_invalid")
    assert.is_truthy((response.headers["www-authenticate"] or ""):find("^Bearer"))
  end

  it("must be said with a token", function()
    refused(g:agent_client(nil))
    refused(g:admin_client(nil), nil, "/apps")
  end)

  it("must be said with a Bearer token", function()
    local response = g:client("/api/agent/v1"):get("/manifest", nil, { Authorization = "Basic " .. g.agent.token })
    check.refused(response, 401, "agent.token_invalid")
  end)

  it("is not known when a token is malformed, mistyped or made up", function()
    local token = g.agent.token
    local last = token:sub(-1) == "A" and "B" or "A"
    for _, wrong in ipairs { "x", "op_", token:sub(1, -2), token .. "A", token:sub(1, -2) .. last, token:upper() } do
      refused(g:agent_client(wrong))
    end
  end)

  it("has tokens of a form that scanners can recognise", function()
    assert.is_truthy(g.agent.token:find("^op_[%w_-]+$"))
    assert.is_truthy(g.admin.token:find("^opa_[%w_-]+$"))
    assert.is_true(#g.agent.token >= 3 + 43 + 6)
  end)

  it("is not known to admins by an agent's token, nor the other way round", function()
    refused(g:admin_client(g.agent.token), nil, "/apps")
    refused(g:agent_client(g.admin.token))
  end)

  it("is forgotten when a key is revoked, on every connection", function()
    local app = g:app()
    check.ok(app.client:get("/manifest"))
    check.ok(g.admin:post("/keys/" .. app.key.id .. "/revoke"))
    for _ = 1, 4 do
      refused(g:agent_client(app.token))
    end
  end)

  it("is forgotten when the app is revoked, and stays so when the app comes back", function()
    local app = g:app()
    check.ok(g.admin:post("/apps/" .. app.app.id .. "/revoke"))
    refused(app.client)
    check.ok(g.admin:post("/apps/" .. app.app.id .. "/restore"))
    refused(app.client)
    local key = check.ok(g.admin:post("/apps/" .. app.app.id .. "/keys", { name = "new" }))
    check.ok(g:agent_client(key.token):get("/manifest"))
  end)

  it("expires with the key", function()
    local app = g:app()
    local key = check.ok(g.admin:post("/apps/" .. app.app.id .. "/keys", { name = "short", expiresAt = soon(1.5) }))
    local client = g:agent_client(key.token)
    check.ok(client:get("/manifest"))
    socket.sleep(1.7)
    refused(client, "agent.token_expired")
  end)

  it("needs the scope of the tool", function()
    local app = g:app { scopes = { "ledger.read" } }
    check.ok(app.client:get("/ledgers"))
    local details = check.refused(app.client:get("/transactions"), 403, "agent.scope_denied")
    assert.same({ "transaction.read" }, { table.unpack(details.missing) })
    details = check.refused(app.client:post("/actions", ledger.create()), 403, "agent.scope_denied")
    assert.same({ "transaction.write" }, { table.unpack(details.missing) })
    local export = { action = "transactions.export_csv", payload = { ledgerId = "ledger_main" } }
    details = check.refused(app.client:post("/preflight", export), 403, "agent.scope_denied")
    assert.equal(2, #details.missing)
  end)

  it("is held to the addresses that its app's policy names", function()
    local here = g:app { policy = { network = { allowed_ips = { "10.0.0.0/8", "127.0.0.0/8" } } } }
    check.ok(here.client:get("/manifest"))
    local elsewhere = g:app { policy = { network = { allowed_ips = { "192.0.2.7", "2001:db8::/32" } } } }
    check.refused(elsewhere.client:get("/manifest"), 403, "agent.policy_denied")
  end)

  it("is not believed about its address", function()
    local elsewhere = g:app { policy = { network = { allowed_ips = { "192.0.2.7" } } } }
    local response = elsewhere.client:get("/manifest", nil, { ["X-Forwarded-For"] = "192.0.2.7" })
    check.refused(response, 403, "agent.policy_denied")
  end)

  it("is asked before the request is read", function()
    local response = g:agent_client("op_x"):request { method = "POST", path = "/actions", body = "{",
      headers = { ["Content-Type"] = "text/plain" } }
    check.refused(response, 401, "agent.token_invalid")
  end)

  it("leaves no token in the log or the audit trail", function()
    for _, row in ipairs(g:audit()) do
      assert.is_nil(tostring(row.details):find(g.agent.token, 1, true))
    end
    assert.is_nil(g:log():find(g.agent.token, 1, true))
    assert.is_nil(g:log():find(g.admin.token, 1, true))
  end)
end)

describe("guessing tokens", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  it("is slowed down after 30 failures, without locking out who has one", function()
    local guesser, statuses = g:agent_client("op_guess"), {}
    for _ = 1, 40 do
      local status = guesser:get("/manifest").status
      statuses[status] = (statuses[status] or 0) + 1
    end
    assert.is_true(statuses[401] >= 30)
    assert.is_true((statuses[429] or 0) >= 1)
    local response = guesser:get("/manifest")
    check.refused(response, 429, "agent.rate_limited")
    assert.is_truthy(tonumber(response.headers["retry-after"]))
    check.ok(g.agent:get("/manifest"))
  end)
end)
