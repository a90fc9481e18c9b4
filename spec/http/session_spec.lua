-- SPDX-License-Identifier: MIT
-- Sessions of people's browsers: a cookie in the place of a token, and what it may not be used for.
local certificate = require "spec.support.certificate"
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local lyaml = require "lyaml"
local socket = require "socket"

-- Begins a session with a token; gives what a browser keeps of it: {cookie, csrf, session, client}.
local function begin(g, token)
  local response = g:admin_client(token):post("/session")
  local data = check.ok(response)
  local cookie = response.headers["set-cookie"]:match("^(__Host%-oppd=%x+);")
  return { cookie = cookie, csrf = data.csrfToken, session = data.session, set = response.headers["set-cookie"],
    client = g:admin_client() }
end

-- One request as the browser sends it; changes replaces or (false) leaves out headers.
local function ask(g, browser, method, path, changes, body)
  local headers = { Cookie = browser.cookie, ["X-CSRF-Token"] = browser.csrf,
    Origin = ("http://%s:%d"):format(g.address.host, g.address.port) }
  for name, value in pairs(changes or {}) do
    headers[name] = value or nil
  end
  return browser.client:request { method = method, path = path, headers = headers, json = body }
end

describe("a session", function()
  local g, browser

  setup(function() g = gateway.start { flags = { "--config", "spec/fixtures/strangers.yaml" } } end)
  teardown(function() gateway.stop(g) end)
  before_each(function() browser = begin(g, g.admin.token) end)

  it("is begun with a token and kept in a cookie that scripts and other sites cannot use", function()
    assert.is_truthy(browser.set:find("; Path=/; Secure; HttpOnly; SameSite=Strict", 1, true))
    assert.is_truthy(browser.set:find("Max-Age=28800", 1, true))
    assert.is_nil(browser.set:find("Domain", 1, true))
    assert.is_true(browser.session.current)
    assert.equal(g.admin:get("/whoami").body.data.user_id, browser.session.user_id)
  end)

  it("stands for its token", function()
    assert.equal(200, ask(g, browser, "GET", "/apps").status)
    local draft = ledger.draft(g.agent, ledger.create())
    assert.equal(200, ask(g, browser, "POST", ("/drafts/%s/approve"):format(draft.id), nil, json.object {}).status)
    local row = check.find(g:audit { action = "agent.draft.approve" }, { draft_id = draft.id })
    assert.equal(browser.session.user_id, row.performed_by_user_id)
    local viewer = begin(g, g:person("vera", { "viewer" }).token)
    check.refused(ask(g, viewer, "POST", "/apps", nil, { scope = "workspace", name = "x", org_id = "org_demo" }), 403,
      "agent.forbidden")
  end)

  it("begins with a token, not with a session", function()
    local details = check.refused(ask(g, browser, "POST", "/session"), 403, "agent.forbidden")
    assert.equal("session", details.reason)
    check.refused(g:admin_client(g.agent.token):post("/session"), 401, "agent.token_invalid")
  end)

  it("is nothing to agents' endpoints", function()
    for _, path in ipairs { "/manifest", "/ledgers", "/drafts" } do
      local response = g:agent_client():request { method = "GET", path = path, headers = { Cookie = browser.cookie } }
      check.refused(response, 401, "agent.token_invalid")
    end
    local response = g:agent_client():request { method = "POST", path = "/actions", json = ledger.create(),
      headers = { Cookie = browser.cookie, ["X-CSRF-Token"] = browser.csrf } }
    check.refused(response, 401, "agent.token_invalid")
  end)

  it("is not looked at where a token is sent", function()
    local with_both = { Cookie = browser.cookie, Authorization = "Bearer " .. g.agent.token }
    check.refused(ask(g, browser, "GET", "/apps", with_both), 401, "agent.token_invalid")
    local viewer = g:person("vero", { "viewer" })
    with_both.Authorization = "Bearer " .. viewer.token
    assert.equal("vero", ask(g, browser, "GET", "/whoami", with_both).body.data.user_id)
    with_both["X-CSRF-Token"], with_both.Origin = false, false
    check.refused(ask(g, browser, "POST", "/policies/reload", with_both), 403, "agent.forbidden")
  end)

  it("is listed to its owner, with who asks", function()
    local other = begin(g, g.admin.token)
    local data = check.ok(ask(g, browser, "GET", "/session"))
    assert.equal(browser.csrf, data.csrfToken)
    assert.is_true(check.find(data.items, { id = browser.session.id }).current)
    assert.is_false(check.find(data.items, { id = other.session.id }).current)
    assert.equal(json.null, check.ok(g.admin:get("/session")).csrfToken)
  end)

  it("ends with its token, and is not seen from then on", function()
    local at = math.ceil((socket.gettime() + 1.5) * 1000)
    local ends = os.date("!%Y-%m-%dT%H:%M:%S", at // 1000) .. (".%03dZ"):format(at % 1000)
    local wish = { user_id = "zoe", name = "zoe", roles = { "viewer" }, expires_at = ends }
    local made = check.ok(g.admin:post("/tokens", wish))
    local theirs = begin(g, made.token).session
    assert.equal(ends, theirs.expires_at)
    gateway.eventually("nobody sees it", function()
      return not check.find(check.ok(g.admin:get("/session")).items, { id = theirs.id })
    end)
  end)

  it("of others is seen and ended by owners alone", function()
    local viewer = g:person("walter", { "viewer" })
    local theirs = begin(g, viewer.token)
    local function seen_by(client)
      return check.find(check.ok(client:get("/session")).items, { id = theirs.session.id })
    end
    assert.is_table(seen_by(g.admin))
    assert.is_table(seen_by(viewer.client))
    local other = g:person("xenia", { "operator", "reviewer", "viewer" })
    assert.is_nil(seen_by(other.client))
    check.refused(other.client:delete("/session/" .. theirs.session.id), 404, "agent.not_found")
    assert.equal(200, ask(g, theirs, "GET", "/whoami").status)
    local far = g:person("yara", { "owner" }, { "org_demo" })
    assert.is_nil(seen_by(far.client))
    check.refused(far.client:delete("/session/" .. theirs.session.id), 404, "agent.not_found")
    check.ok(g.admin:delete("/session/" .. theirs.session.id))
    check.refused(ask(g, theirs, "GET", "/whoami"), 401, "agent.token_invalid")
    check.refused(g.admin:delete("/session/" .. theirs.session.id), 404, "agent.not_found")
  end)

  it("ends when it is told to, and the browser forgets it", function()
    local response = ask(g, browser, "DELETE", "/session")
    check.ok(response)
    assert.is_truthy(response.headers["set-cookie"]:find("^__Host%-oppd=; Max%-Age=0;"))
    check.refused(ask(g, browser, "GET", "/apps"), 401, "agent.token_invalid")
    check.refused(g.admin:delete("/session"), 404, "agent.not_found")
  end)

  it("ends with its token, at once", function()
    local person = g:person("zoe", { "operator" })
    local theirs = begin(g, person.token)
    assert.equal(200, ask(g, theirs, "GET", "/apps").status)
    check.ok(g.admin:post(("/tokens/%s/revoke"):format(person.admin_token.id)))
    for _ = 1, 100 do
      assert.equal(401, ask(g, theirs, "GET", "/apps").status)
    end
    assert.is_nil(check.find(check.ok(g.admin:get("/session")).items, { id = theirs.session.id }))
  end)

  it("that is ended while it listens hears that, at once", function()
    local listener = begin(g, g.admin.token)
    local stream = listener.client:stream("/events", { Cookie = listener.cookie })
    check.ok(g.admin:delete("/session/" .. listener.session.id))
    assert.equal("error", assert(stream:next(10)).event) -- sooner than the next comment that keeps it alive
    assert.same({ nil, "closed" }, { stream:next(10) })
    stream:close()
  end)

  it("leaves rows in the audit trail, and its secret nowhere", function()
    local id, secret = browser.session.id, browser.cookie:match("=(%x+)")
    check.ok(ask(g, browser, "DELETE", "/session/" .. id))
    local function row(action)
      for _, found in ipairs(g:audit { action = action }) do
        if found.details.session_id == id then
          return found
        end
      end
    end
    for _, action in ipairs { "admin_session.create", "admin_session.revoke" } do
      assert.equal(browser.session.user_id, row(action).performed_by_user_id)
    end
    for _, mark in ipairs { secret, browser.csrf } do
      assert.is_nil(os.execute(("grep -rqF -e %s '%s' '%s'"):format(mark, g.data, g.log_file)))
    end
  end)

  it("is counted among a token's, and the one that was not used for longest makes room", function()
    local person = g:person("many", { "viewer" })
    local all = {}
    for i = 1, 17 do
      all[i] = begin(g, person.token)
    end
    check.refused(ask(g, all[1], "GET", "/whoami"), 401, "agent.token_invalid")
    assert.equal(200, ask(g, all[2], "GET", "/whoami").status)
    assert.equal(200, ask(g, all[17], "GET", "/whoami").status)
  end)

  it("is none when its cookie is wrong, cut, twice or made up", function()
    local secret = browser.cookie:match("=(%x+)")
    for _, cookie in ipairs {
      "__Host-oppd=", "__Host-oppd=" .. secret:sub(2), "__Host-oppd=" .. secret .. "0", "oppd=" .. secret,
      browser.cookie .. "; " .. browser.cookie, "__Host-oppd=" .. ("0"):rep(64), "__Host-oppd=" .. secret:upper(),
      "__host-oppd=" .. secret, "x__Host-oppd=" .. secret,
    } do
      check.refused(ask(g, browser, "GET", "/whoami", { Cookie = cookie }), 401, "agent.token_invalid")
    end
    for _, cookie in ipairs { "a=b; " .. browser.cookie, browser.cookie .. ";c=d", browser.cookie .. " ; e=" } do
      assert.equal(200, ask(g, browser, "GET", "/whoami", { Cookie = cookie }).status, cookie)
    end
  end)
end)

describe("every change", function()
  local g, browser

  setup(function() g = gateway.start { flags = { "--config", "spec/fixtures/strangers.yaml" } } end)
  teardown(function() gateway.stop(g) end)
  before_each(function() browser = begin(g, g.admin.token) end)

  local function changes()
    local found = {}
    for path, methods in pairs(lyaml.load(gateway.read_file("docs/openapi.yaml")).paths) do
      local rest = path:match("^/api/agent%-admin/v1(/.*)$")
      for _, method in ipairs { "post", "patch", "delete" } do
        if rest and methods[method] then
          found[#found + 1] = { method:upper(), (rest:gsub("{%w+}", "x")) }
        end
      end
    end
    return found
  end

  -- What may not do it: {name, headers instead of the browser's, status, reason}.
  local attempts <const> = {
    { "without a session", { Cookie = false }, 401 },
    { "with a session that is none", { Cookie = "__Host-oppd=" .. ("a"):rep(64) }, 401 },
    { "without a CSRF token", { ["X-CSRF-Token"] = false }, 403, "csrf" },
    { "with another CSRF token", { ["X-CSRF-Token"] = ("0"):rep(64) }, 403, "csrf" },
    { "without an Origin", { Origin = false }, 403, "origin" },
    { "from another site", { Origin = "https://evil.example" }, 403, "origin" },
    { "from a site whose name begins so", { Origin = "http://127.0.0.1.evil.example" }, 403, "origin" },
    { "from another port", { Origin = "http://127.0.0.1:1" }, 403, "origin" },
    { "from nowhere", { Origin = "null" }, 403, "origin" },
    { "from a file", { Origin = "file://127.0.0.1" }, 403, "origin" },
  }

  for _, attempt in ipairs(attempts) do
    local name, headers, status, reason = table.unpack(attempt, 1, 4)
    it("is refused " .. name, function()
      local list = changes()
      assert.is_true(#list >= 15)
      for _, change in ipairs(list) do
        local response = ask(g, browser, change[1], change[2], headers)
        assert.equal(status, response.status, change[1] .. " " .. change[2] .. response.text)
        assert.equal(reason, response.body.details.reason)
      end
    end)
  end

  it("is not made by a GET", function()
    for _, change in ipairs(changes()) do
      local response = ask(g, browser, "GET", change[2])
      assert.is_true(response.status == 405 or response.status == 404 or response.status == 200, change[2])
    end
    assert.equal(0, #g:audit { action = "policy.reload", status = "success" })
  end)

  it("of a body is refused to who has no session before the body comes", function()
    local head = "POST /api/agent-admin/v1/apps HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    local answer = assert(require("spec.support.http").raw(g.address,
      head .. "Cookie: __Host-oppd=" .. ("a"):rep(64) .. "\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"))
    assert.equal(401, answer.status)
  end)

  it("is refused after the session has not been used for a while, and after its time", function()
    local brief = gateway.start { flags = { "--config", "spec/fixtures/sessions.yaml" } }
    finally(function() gateway.stop(brief) end)
    local idle, used = begin(brief, brief.admin.token), begin(brief, brief.admin.token)
    local began, uses = socket.gettime(), 0
    gateway.eventually("the end of the session that is used", function()
      uses = uses + 1
      return ask(brief, used, "GET", "/whoami").status == 401
    end)
    assert.is_true(uses > 2)
    assert.is_true(socket.gettime() - began > 2.5)
    assert.equal(401, ask(brief, used, "DELETE", "/session").status)
    assert.equal(401, ask(brief, idle, "DELETE", "/session").status)
  end)
end)

describe("a session over TLS", function()
  it("takes pages of its host by https", function()
    local dir, g = gateway.make_dir(), nil
    finally(function()
      gateway.stop(g)
      os.execute("rm -rf '" .. dir .. "'")
    end)
    local file, key = certificate.make(dir, "own")
    g = gateway.start { flags = { "--tls-certificate", file, "--tls-key", key } }
    local browser = begin(g, g.admin.token)
    local own = { Origin = ("https://%s:%d"):format(g.address.host, g.address.port) }
    check.ok(ask(g, browser, "POST", "/policies/reload", own, json.object {}))
    local clear = { Origin = ("http://%s:%d"):format(g.address.host, g.address.port) }
    local response = ask(g, browser, "POST", "/policies/reload", clear, json.object {})
    assert.equal("origin", check.refused(response, 403, "agent.forbidden").reason)
  end)

  it("ends with the process", function()
    local g = gateway.start()
    finally(function() gateway.stop(g) end)
    local browser = begin(g, g.admin.token)
    g:restart()
    browser.client:close()
    check.refused(ask(g, browser, "GET", "/whoami"), 401, "agent.token_invalid")
  end)
end)

describe("what a browser is sent", function()
  it("is not to be framed, guessed at, kept, or read by other sites", function()
    local g = gateway.start()
    finally(function() gateway.stop(g) end)
    local http = require "spec.support.http"
    for _, response in ipairs { g.admin:get("/apps"), g.admin:get("/none"), g:client(""):get("/healthz"),
      http.raw(g.address, "BREW / HTTP/1.1\r\n\r\n") } do
      local headers = response.headers
      assert.equal("default-src 'none'; frame-ancestors 'none'; base-uri 'none'", headers["content-security-policy"])
      assert.equal("nosniff", headers["x-content-type-options"])
      assert.equal("no-referrer", headers["referrer-policy"])
      assert.equal("same-origin", headers["cross-origin-resource-policy"])
      assert.equal("no-store", headers["cache-control"])
      assert.is_nil(headers["access-control-allow-origin"])
    end
  end)
end)
