-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

describe("a request whose HTTP is not right", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  -- Sends a request line and header lines, with a token, and a body; the connection must be closed after the answer.
  local function send(line, headers, body)
    local lines = { line, "Authorization: Bearer " .. g.agent.token }
    table.move(headers, 1, #headers, 3, lines)
    return assert(http.raw(g.address, table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")))
  end

  local get <const>, post <const> = "GET /api/agent/v1/ledgers HTTP/1.1", "POST /api/agent/v1/actions HTTP/1.1"
  local json_type <const> = "Content-Type: application/json"

  for name, case in pairs {
    ["has a chunked body"] =
      { post, { "Host: x", json_type, "Transfer-Encoding: chunked" }, "2\r\n{}\r\n0\r\n\r\n", 411,
        "common.length_required" },
    ["hides its transfer coding"] =
      { post, { "Host: x", json_type, "Transfer-Encoding: xchunked" }, "", 411, "common.length_required" },
    ["has two lengths"] =
      { post, { "Host: x", json_type, "Content-Length: 2", "Content-Length: 3" }, "{} ", 400, "common.bad_request" },
    ["has a length with a sign"] =
      { post, { "Host: x", json_type, "Content-Length: +2" }, "{}", 400, "common.bad_request" },
    ["expects something unknown"] =
      { post, { "Host: x", json_type, "Content-Length: 2", "Expect: magic" }, "{}", 417, "common.expectation_failed" },
    ["has no Host"] = { get, {}, "", 400, "common.bad_request" },
    ["has two Hosts"] = { get, { "Host: x", "Host: y" }, "", 400, "common.bad_request" },
    ["has two tokens"] = { get, { "Host: x", "Authorization: Bearer op_x" }, "", 400, "common.bad_request" },
    ["has a space before a colon"] = { get, { "Host : x" }, "", 400, "common.bad_request" },
    ["has a folded header"] = { get, { "Host: x", "A: b", " c" }, "", 400, "common.bad_request" },
    ["has a header block that is too large"] =
      { get, { "Host: x", "A: " .. ("a"):rep(17 * 1024) }, "", 431, "common.headers_too_large" },
    ["is of another version"] =
      { "GET /api/agent/v1/ledgers HTTP/1.9", { "Host: x" }, "", 505, "common.version_not_supported" },
    ["has an absolute target"] =
      { "GET http://x/api/agent/v1/ledgers HTTP/1.1", { "Host: x" }, "", 400, "common.bad_request" },
    ["has an empty path segment"] =
      { "GET /api//agent/v1/ledgers HTTP/1.1", { "Host: x" }, "", 400, "common.bad_request" },
    ["hides a slash in its path"] =
      { "GET /api/agent/v1%2fledgers HTTP/1.1", { "Host: x" }, "", 400, "common.bad_request" },
    ["climbs up its path"] =
      { "GET /api/agent/v1/x/../ledgers HTTP/1.1", { "Host: x" }, "", 400, "common.bad_request" },
    ["hides a NUL in its path"] =
      { "GET /api/agent/v1/ledgers%00 HTTP/1.1", { "Host: x" }, "", 400, "common.bad_request" },
  } do
    it("is refused and ends the connection when it " .. name, function()
      local response = send(case[1], case[2], case[3])
      check.refused(response, case[4], case[5])
      assert.equal("close", (response.headers.connection or ""):lower())
      assert.is_truthy((response.headers.traceparent or ""):find("^00%-%x+%-%x+%-00$"))
    end)
  end

  it("is refused when its lines end with a bare line feed", function()
    local bytes = get .. "\nHost: x\nAuthorization: Bearer " .. g.agent.token .. "\n\n"
    check.refused(assert(http.raw(g.address, bytes)), 400, "common.bad_request")
  end)

  it("is refused when its method is not known", function()
    local status = send("BREW /api/agent/v1/ledgers HTTP/1.1", { "Host: x" }).status
    assert.is_true(status == 501 or status == 405, tostring(status))
  end)

  it("smuggles nothing behind itself", function()
    local before = #check.ok(g.agent:get("/drafts")).items
    local body = '{"action":"transaction.create","payload":{"ledgerId":"ledger_main","kind":"expense","title":"s",'
      .. '"amount_home":1}}'
    local hidden = ("%s\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\nContent-Length: %d\r\n\r\n%s")
      :format(post, g.agent.token, json_type, #body, body)
    send(get, { "Host: x", "Content-Length: 0", "Content-Length: " .. #hidden }, hidden)
    send(get, { "Host: x", "Transfer-Encoding: gzip" }, hidden)
    assert.equal(before, #check.ok(g.agent:get("/drafts")).items)
  end)

  it("does not keep the gateway from answering the next", function()
    assert.equal("draft", ledger.draft(g.agent, ledger.create()).status)
  end)
end)
