-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("every answer", function()
  local g, root

  setup(function()
    g = gateway.start()
    root = g:client("")
  end)
  teardown(function() gateway.stop(g) end)

  -- Sends bytes as the body of POST actions.
  local function post_bytes(body, headers)
    return g.agent:request { method = "POST", path = "/actions", body = body, headers = headers }
  end

  local function with(field, value)
    return ledger.create { [field] = value }
  end

  it("says of an unknown route that there is none", function()
    for _, path in ipairs { "/", "/nothing", "/api/agent/v1", "/api/agent/v1/nothing", "/api/agent/v2/manifest",
      "/api/agent-admin/v1/nothing", "/api/agent/v1/drafts/a/b", "/api/agent/v1/manifest/" } do
      check.refused(root:get(path), 404, "common.not_found")
    end
  end)

  it("says of a wrong method which are right", function()
    local response = root:post("/api/agent/v1/manifest", {})
    check.refused(response, 405, "common.method_not_allowed")
    assert.is_truthy(response.headers.allow:find("GET"))
    response = root:get("/api/agent/v1/actions")
    check.refused(response, 405, "common.method_not_allowed")
    assert.equal("POST", response.headers.allow)
    check.refused(root:delete("/api/agent/v1/ledgers"), 405, "common.method_not_allowed")
  end)

  it("is small enough for the gateway, or refused", function()
    local body = json.encode(ledger.create(nil, { notes = ("n"):rep(300 * 1024) }))
    local bytes = ("POST /api/agent/v1/actions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
      .. "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"):format(g.agent.token, #body, body)
    check.refused(http.raw(g.address, bytes), 413, "common.payload_too_large")
  end)

  it("is refused when the body is not called JSON", function()
    local body = json.encode(ledger.create())
    check.refused(post_bytes(body, { ["Content-Type"] = "text/plain" }), 415, "common.unsupported_media_type")
    check.refused(post_bytes(body, { ["Content-Type"] = false }), 415, "common.unsupported_media_type")
    check.ok(post_bytes(body, { ["Content-Type"] = "application/json; charset=utf-8" }))
  end)

  for name, body in pairs {
    ["cut off"] = '{"action":"transaction.create"',
    ["empty"] = "",
    ["not an object"] = '["transaction.create"]',
    ["followed by more"] = '{"action":"x","payload":{}} {}',
    ["one with a repeated key"] = '{"action":"transaction.create","action":"transaction.delete","payload":{}}',
    ["not UTF-8"] = '{"action":"transaction.create","payload":{"title":"\255"}}',
    ["one with NaN"] = '{"action":"transaction.create","payload":{"amount_home":NaN}}',
    ["one with a number beyond doubles"] = '{"action":"transaction.create","payload":{"amount_home":1e999}}',
    ["one with an integer that is not exact"] = '{"action":"a","payload":{"n":9007199254740993}}',
    ["one with a NUL character"] = '{"action":"transaction.create","payload":{"title":"a\\u0000b"}}',
    ["nested too deeply"] = '{"action":"a","payload":' .. ("["):rep(70) .. ("]"):rep(70) .. "}",
    ["one of too many values"] = '{"action":"a","payload":{"list":[' .. ("1,"):rep(20001) .. "1]}}",
  } do
    it("is refused when the JSON is " .. name, function()
      check.refused(post_bytes(body), 400, "common.validation")
    end)
  end

  it("is refused when a known field has the wrong type, null included", function()
    for field, value in pairs { action = 1, payload = "x", execute = "true", forceDraft = json.null, requestId = 7,
      idempotencyKey = json.array { "k" }, preflightId = false, justification = json.object {} } do
      local details = check.refused(g.agent:post("/actions", with(field, value)), 400, "common.validation")
      assert.equal(field, details.issues[1].path[1])
      assert.is_string(details.issues[1].message)
    end
  end)

  it("is refused when what is needed is missing", function()
    check.refused(g.agent:post("/actions", { payload = json.object {} }), 400, "common.validation")
    check.refused(g.agent:post("/actions", { action = "transaction.create" }), 400, "common.validation")
    check.refused(g.agent:post("/preflight", { action = "transaction.create" }), 400, "common.validation")
  end)

  it("ignores fields that it does not know, in bodies and queries", function()
    check.ok(g.agent:post("/actions", with("colour", "blue")))
    check.ok(g.agent:get("/ledgers", { colour = "blue" }))
  end)

  it("does not ignore fields with which other servers narrow authority", function()
    for _, field in ipairs { "intentCertificateId", "contextRiskSnapshotId", "sessionId", "capabilityLeaseId" } do
      check.refused(g.agent:post("/actions", with(field, "x")), 400, "common.validation")
    end
  end)

  it("takes a blank string for an absent one", function()
    local draft = ledger.draft(g.agent, with("idempotencyKey", "  "))
    assert.equal("draft", draft.status)
    assert.not_equal(draft.id, ledger.draft(g.agent, with("idempotencyKey", "  ")).id)
  end)

  it("takes an empty body for none, whatever type is sent along", function()
    for _, type in ipairs { "application/json", "text/plain;charset=UTF-8" } do
      local draft = ledger.draft(g.agent, ledger.create())
      check.ok(g.admin:request { method = "POST", path = "/drafts/" .. draft.id .. "/approve", body = "",
        headers = { ["Content-Type"] = type } })
    end
  end)

  it("refuses a blank where something is needed, and lives on", function()
    for _, path in ipairs { "/actions", "/preflight" } do
      for _, blank in ipairs { "", "  ", "\t\n" } do
        local details = check.refused(g.agent:post(path, with("action", blank)), 400, "common.validation")
        assert.equal("action", details.issues[1].path[1])
      end
    end
  end)

  it("refuses a query parameter that is given twice", function()
    check.refused(g.agent:get("/transactions?page=1&page=2"), 400, "common.validation")
  end)

  it("carries a request id of the gateway's own, never the same twice, and records the client's", function()
    local id = ledger.unique("client")
    local one = g.agent:post("/actions", ledger.create(), { ["X-Request-Id"] = id })
    local two = g.agent:post("/actions", ledger.create(), { ["X-Request-Id"] = id })
    check.ok(one)
    assert.not_equal(id, one.headers["x-request-id"])
    assert.not_equal(one.headers["x-request-id"], two.headers["x-request-id"])
    local row = check.find(g:audit(), { request_id = one.headers["x-request-id"] })
    assert.equal(id, row.client_request_id)
  end)

  it("does not record a request id of the client's that is none", function()
    local response = g.agent:post("/actions", ledger.create(), { ["X-Request-Id"] = "a b<script>" })
    local row = check.find(g:audit(), { request_id = response.headers["x-request-id"] })
    assert.equal(json.null, row.client_request_id)
  end)

  it("is not kept by caches", function()
    assert.equal("no-store", g.agent:get("/ledgers").headers["cache-control"])
    assert.equal("no-store", root:get("/nothing").headers["cache-control"])
  end)

  it("has no body when asked with HEAD, and is the same otherwise", function()
    local head = g.agent:request { method = "HEAD", path = "/ledgers" }
    local get = g.agent:get("/ledgers")
    assert.equal(200, head.status)
    assert.equal("", head.text)
    assert.equal(get.headers["content-type"], head.headers["content-type"])
  end)

  it("says without a token whether the gateway lives and is ready", function()
    assert.equal(200, root:get("/healthz").status)
    assert.equal(200, root:get("/readyz").status)
  end)

  it("never shows what is inside the gateway", function()
    local hostile = { action = "transaction.delete", payload = { transactionId = "'; DROP TABLE x" } }
    for _, response in ipairs { post_bytes("{"), root:get("/nothing"), g.agent:get("/drafts/drf_none"),
      g.agent:get("/transactions", { ledgerId = "' OR 1=1 --" }),
      (g.agent:post("/actions", hostile)) } do
      assert.is_true(response.status >= 400 and response.status < 500, response.text)
      for _, inside in ipairs { "SELECT", "sqlite", "%.lua", "%.c:", "traceback", "/tmp" } do
        assert.is_nil(response.text:find(inside), response.text)
      end
    end
  end)

  it("comes in order to a client that does not wait for each", function()
    local one = "GET /api/agent/v1/ledgers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " .. g.agent.token .. "\r\n\r\n"
    assert.equal(200, http.raw(g.address, one .. one).status)
  end)
end)
