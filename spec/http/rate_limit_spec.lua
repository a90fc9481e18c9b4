-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

-- The answer is a refusal of this limit, with the fields that tell of it; gives details.
local function refused_by(response, name, reason)
  local details = check.refused(response, 429, "agent.rate_limited")
  assert.same({ reason or "rate", "same" }, { details.reason, details.recovery })
  assert.is_true(tonumber(response.headers["retry-after"]) >= 1)
  local policy = '^"' .. name:gsub("%-", "%%-") .. '";q='
  assert.is_truthy(response.headers["ratelimit-policy"]:find(policy), response.headers["ratelimit-policy"])
  assert.is_truthy(response.headers.ratelimit:find('^"' .. name:gsub("%-", "%%-") .. '";r=0;t=%d+$'))
  return details
end

describe("the rate limit", function()
  local g

  setup(function() g = gateway.start { rate_limit = 4 } end)
  teardown(function() gateway.stop(g) end)

  local function refused(response)
    local details = check.refused(response, 429, "agent.rate_limited")
    assert.equal("rate", details.reason)
    assert.equal("same", details.recovery)
    local wait = tonumber(response.headers["retry-after"])
    assert.is_true(wait >= 1 and wait <= 60)
    assert.is_string(response.headers["ratelimit-policy"])
    assert.is_string(response.headers.ratelimit)
  end

  it("refuses what is too much, with no side effect at all", function()
    local app = g:app { auto_execute = gateway.open_windows }
    for _ = 1, 4 do
      ledger.draft(app.client, ledger.create())
    end
    local rows = #g:audit()
    local action = ledger.create { execute = true, idempotencyKey = "limited" }
    refused(app.client:post("/actions", action))
    refused(app.client:post("/preflight", { action = action.action, payload = action.payload }))
    refused(app.client:get("/ledgers"))
    refused(app.client:get("/manifest"))
    assert.equal(4, #check.ok(g.admin:get("/drafts", { appId = app.app.id })).items)
    assert.equal(rows, #g:audit())
  end)

  it("counts every key for itself", function()
    local one, two = g:app(), g:app()
    for _ = 1, 4 do
      check.ok(one.client:get("/manifest"))
    end
    refused(one.client:get("/manifest"))
    check.ok(two.client:get("/manifest"))
    local key = check.ok(g.admin:post("/apps/" .. one.app.id .. "/keys", { name = "second" }))
    check.ok(g:agent_client(key.token):get("/manifest"))
  end)

  it("is one for all connections and workers", function()
    local app, passed = g:app(), 0
    for _ = 1, 12 do
      passed = passed + (g:agent_client(app.token):get("/manifest").status == 200 and 1 or 0)
    end
    assert.equal(4, passed)
  end)

  it("comes before the request is read", function()
    local app = g:app()
    for _ = 1, 4 do
      check.ok(app.client:get("/manifest"))
    end
    refused(app.client:request { method = "POST", path = "/actions", body = "{" })
  end)
end)

describe("the rate limit of a tool", function()
  local g

  setup(function() g = gateway.start { adapters = "spec/fixtures/adapters" } end)
  teardown(function() gateway.stop(g) end)

  local function action() return { action = "odd.seldom_action", payload = json.object {} } end

  it("refuses what is too much, with no side effect, and is shared by the tools of its bucket", function()
    local app = g:app { scopes = { "odd.use" } }
    check.ok(app.client:get("/odd-seldom"))
    check.ok(app.client:post("/actions", action()))
    local rows = #g:audit()
    refused_by(app.client:get("/odd-seldom"), "seldom")
    refused_by(app.client:post("/actions", action()), "seldom")
    refused_by(app.client:post("/preflight", action()), "seldom")
    assert.equal(rows, #g:audit())
    assert.equal(1, #check.ok(app.client:get("/drafts")).items)
    check.ok(app.client:get("/odd-list"))
  end)

  it("is each key's own, shown in the manifest, and does not count what people decide", function()
    local app, other = g:app { scopes = { "odd.use" } }, g:app { scopes = { "odd.use" } }
    local tools = check.ok(app.client:get("/manifest")).tools
    assert.same({ bucket = "seldom", limitPerMinute = 2 }, check.find(tools, { name = "odd.seldom" }).rateLimitHints)
    local drafts = {}
    for i = 1, 2 do
      drafts[i] = ledger.draft(app.client, action())
    end
    refused_by(app.client:get("/odd-seldom"), "seldom")
    check.ok(other.client:get("/odd-seldom"))
    for _, draft in ipairs(drafts) do
      assert.equal("success", ledger.approve(g.admin, draft).execution.status)
    end
  end)
end)

describe("the limit of pending drafts", function()
  it("is told like the others", function()
    local g = gateway.start { config = "limits: { pending_drafts_max: 1 }\n" }
    finally(function() gateway.stop(g) end)
    local app = g:app()
    ledger.draft(app.client, ledger.create())
    refused_by(app.client:post("/actions", ledger.create()), "pending-drafts", "pending_drafts")
  end)
end)

describe("whoever guesses tokens", function()
  local g

  setup(function()
    g = gateway.start { config = "limits: { auth_failures_per_minute: 3 }\ntrusted_proxies: ['127.0.0.1']\n" }
  end)
  teardown(function() gateway.stop(g) end)

  local function guess(from, client, path)
    return (client or g:agent_client("op_x")):get(path or "/manifest", nil, { ["X-Forwarded-For"] = from })
  end

  it("is slowed down by address, of which good tokens feel nothing", function()
    local app = g:app()
    for _ = 1, 3 do
      check.refused(guess("192.0.2.1"), 401, "agent.token_invalid")
    end
    refused_by(guess("192.0.2.1"), "authentication")
    refused_by(guess("192.0.2.1", g:admin_client("opa_x"), "/apps"), "authentication")
    check.ok(guess("192.0.2.1", app.client))
    check.refused(guess("192.0.2.2"), 401, "agent.token_invalid")
  end)

  it("has one address for a whole network of IPv6", function()
    for i = 1, 3 do
      check.refused(guess("2001:db8:1:2::" .. i), 401, "agent.token_invalid")
    end
    refused_by(guess("2001:db8:1:2:ffff::1"), "authentication")
    check.refused(guess("2001:db8:1:3::1"), 401, "agent.token_invalid")
  end)

  it("is told why before a body is taken", function()
    local client = g:agent_client("op_x")
    for i = 1, 4 do
      local response = client:request { method = "POST", path = "/actions", body = ("x"):rep(4000),
        headers = { ["X-Forwarded-For"] = "192.0.2.9", ["Content-Type"] = "application/json" } }
      if i < 4 then
        check.refused(response, 401, "agent.token_invalid")
      else
        assert.equal("rate", check.refused(response, 429, "agent.rate_limited").reason)
      end
    end
  end)
end)
