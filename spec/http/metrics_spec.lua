-- SPDX-License-Identifier: MIT
-- What operators see of a gateway: metrics that Prometheus can read, traces that go on, and logs without secrets.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local openapi = require "spec.support.openapi"

-- Reads the text format, version 0.0.4, and errs where it is none. Gives {name = {kind, help, samples = {{labels,
-- value, text}}}}.
local function parse(text)
  assert.equal("\n", text:sub(-1))
  local families, current, seen = {}, nil, {}
  for line in text:gmatch("([^\n]*)\n") do
    local help_name, help = line:match("^# HELP ([%a_:][%w_:]*) (.+)$")
    local type_name, kind = line:match("^# TYPE ([%a_:][%w_:]*) (%a+)$")
    if help_name then
      assert.is_nil(families[help_name], help_name .. " comes twice")
      current = { name = help_name, help = help, samples = {} }
      families[help_name] = current
    elseif type_name then
      assert.equal(current.name, type_name)
      assert.is_truthy(({ counter = true, gauge = true, histogram = true })[kind], line)
      current.kind = kind
    else
      local name, labels, value = line:match("^([%a_:][%w_:]*)(%b{}) (%-?[%d.]+)$")
      if not name then
        name, value = line:match("^([%a_:][%w_:]*) (%-?[%d.]+)$")
        labels = "{}"
      end
      assert.is_string(name, "no line of the format: " .. line)
      assert.is_nil(seen[name .. labels], "comes twice: " .. line)
      seen[name .. labels] = true
      local base = current.kind == "histogram" and name:gsub("_%l+$", "") or name
      assert.equal(current.name, base)
      local set = {}
      for label, content in labels:sub(2, -2):gmatch('([%a_][%w_]*)="([^"\\\n]*)",?') do
        set[label] = content
      end
      current.samples[#current.samples + 1] = { name = name, labels = set, value = tonumber(value) }
    end
  end
  return families
end

local function fits(sample, wanted)
  for label, value in pairs(wanted) do
    if sample.labels[label] ~= value then
      return false
    end
  end
  return true
end

-- The sum of the samples of a metric that have these labels.
local function sum(families, name, wanted)
  local total = 0
  for _, sample in ipairs((families[name] or { samples = {} }).samples) do
    total = total + (fits(sample, wanted or {}) and sample.value or 0)
  end
  return total
end

describe("the metrics", function()
  local g

  setup(function() g = gateway.start { flags = { "--config", "spec/fixtures/debug.yaml" } } end)
  teardown(function() gateway.stop(g) end)

  local function scrape()
    local response = g:client("", g.admin.token):get("/metrics")
    assert.equal(200, response.status, response.text)
    assert.equal("text/plain; version=0.0.4; charset=utf-8", response.headers["content-type"])
    return parse(response.text)
  end

  it("are for people with a token, where agents share the listener", function()
    check.refused(g:client(""):get("/metrics"), 401, "agent.token_invalid")
    check.refused(g:client("", g.agent.token):get("/metrics"), 401, "agent.token_invalid")
    assert.equal(200, g:client("", g:person("vera", { "viewer" }).token):get("/metrics").status)
  end)

  it("are for whoever reaches the admin listener, where there is one", function()
    local other = gateway.start { flags = { "--admin-listen", "127.0.0.1:0" } }
    finally(function() gateway.stop(other) end)
    local url = gateway.read_file(other:file("out")):match("admin endpoints are on (%S+)")
    local response = http.client(http.address(url), ""):get("/metrics")
    assert.equal(200, response.status)
    assert.is_table(parse(response.text).oppd_build_info)
    assert.equal(404, other:client("", other.admin.token):get("/metrics").status)
  end)

  it("count requests by route and code, and how long they took", function()
    local route = { listener = "main", method = "GET", route = "/api/agent/v1/manifest", code = "common.success" }
    local before = sum(scrape(), "oppd_http_requests_total", route)
    for _ = 1, 3 do
      check.ok(g.agent:get("/manifest"))
    end
    check.refused(g:agent_client("op_none"):get("/manifest"), 401, "agent.token_invalid")
    local families = scrape()
    assert.equal(before + 3, sum(families, "oppd_http_requests_total", route))
    route.code = "agent.token_invalid"
    assert.equal(1, sum(families, "oppd_http_requests_total", route))
    route.code = nil
    local seconds = "oppd_http_request_duration_seconds"
    local count, last = 0, 0
    for _, sample in ipairs(families[seconds].samples) do
      if fits(sample, route) and sample.name == seconds .. "_bucket" then
        assert.is_true(sample.value >= last, "buckets count what is below them too")
        last = sample.value
      elseif fits(sample, route) and sample.name == seconds .. "_count" then
        count = sample.value
      end
    end
    assert.equal(last, count)
    assert.is_true(count >= 4)
  end)

  it("have labels of bounded sets only", function()
    for i = 1, 20 do
      g.agent:get("/nothing" .. i)
      g.agent:get("/drafts/drf_" .. i)
      g:client(""):request { method = "GET", path = "/x" .. i, headers = { ["X-Request-Id"] = "mark" .. i } }
    end
    local routes, codes = { other = true, ["/api/agent/v1/{read}"] = true }, {}
    for _, operation in ipairs(openapi.shared().operations) do
      routes[operation.path] = true
    end
    for _, row in ipairs(openapi.codes()) do
      codes[row.name] = true
    end
    for name, family in pairs(scrape()) do
      for _, sample in ipairs(family.samples) do
        assert.is_true(sample.labels.route == nil or routes[sample.labels.route], sample.labels.route)
        assert.is_true(sample.labels.code == nil or codes[sample.labels.code], sample.labels.code)
      end
      assert.is_true(#family.samples < 1500, name)
    end
  end)

  it("count what the rules decide, what the guard refuses, and who fails", function()
    local before = scrape()
    ledger.draft(g.agent, ledger.create())
    http.raw(g.address, "BREW / HTTP/1.1\r\n\r\n")
    g:agent_client("op_none"):get("/manifest")
    local after = scrape()
    local function grew(name, labels) return sum(after, name, labels) - sum(before, name, labels) end
    assert.equal(1, grew("oppd_policy_decisions_total", { phase = "action" }))
    assert.equal(1, grew("oppd_http_refusals_total", { code = "common.not_implemented" }))
    assert.equal(1, grew("oppd_authentication_failures_total"))
    assert.is_true(grew("oppd_store_operations_total", { database = "gateway" }) > 0)
    assert.is_true(grew("oppd_store_commit_duration_seconds", { le = "+Inf", database = "gateway" }) > 0)
    assert.equal(1, grew("oppd_drafts_pending", { age = "1h" }))
  end)

  it("say how much is frozen", function()
    local function frozen(mode) return sum(scrape(), "oppd_freezes", { mode = mode }) end
    local tool = { scope = "tool", id = "transaction.delete", reason = "A test." }
    assert.same({ 0, 0 }, { frozen "drafts_only", frozen "off" })
    local ids = {}
    for _, mode in ipairs { "drafts_only", "off", "off" } do
      tool.mode = mode
      ids[#ids + 1] = check.ok(g.admin:post("/freeze", tool)).freeze.id
    end
    assert.same({ 1, 2 }, { frozen "drafts_only", frozen "off" })
    for _, id in ipairs(ids) do check.ok(g.admin:delete("/freeze/" .. id)) end
    assert.same({ 0, 0 }, { frozen "drafts_only", frozen "off" })
  end)

  it("are all in the documents", function()
    local page, count = gateway.read_file("docs/operations.md"), 0
    for name in gateway.read_file("src/base/metrics.h"):gmatch('X%(OPP_M_[%u_]+, "([^"]+)"') do
      assert.is_truthy(page:find("`" .. name .. "`", 1, true), name)
      count = count + 1
    end
    assert.is_true(count > 20)
  end)

  it("show what is", function()
    local families = scrape()
    assert.equal(1, sum(families, "oppd_build_info"))
    assert.equal(1, sum(families, "oppd_policy_generation"))
    assert.equal(1, sum(families, "oppd_store_healthy", { database = "gateway" }))
    assert.equal(1, sum(families, "oppd_store_healthy", { database = "ledger" }))
    assert.is_true(sum(families, "oppd_http_connections") >= 1)
    assert.equal(0, sum(families, "oppd_http_streams"))
    assert.is_true(sum(families, "process_resident_memory_bytes") > 1000000)
    assert.is_true(sum(families, "process_open_fds") > 5)
    assert.is_true(math.abs(sum(families, "process_start_time_seconds") - os.time()) < 3600)
    local stream = g.admin:stream("/events")
    assert.equal(1, sum(scrape(), "oppd_http_streams"))
    stream:close()
    check.ok(g.admin:post("/policies/reload", {}))
    assert.equal(sum(families, "oppd_policy_generation") + 1, sum(scrape(), "oppd_policy_generation"))
  end)

  it("count what staged rules judge, and what becomes of the decision log", function()
    local function counted(name, result) return sum(scrape(), name, { result = result }) end
    local logged, staged = "oppd_decision_log_decisions_total", "oppd_staging_decisions_total"
    local before = counted(logged, "written")
    check.ok(g.admin:post("/policies/stage", { profile = "strict" }))
    check.ok(g.agent:get("/ledgers"))
    g.agent:post("/actions", { action = "transaction.hard_delete", payload = { transactionId = "txn_1" },
      justification = "A test." })
    gateway.eventually("they are judged", function() return counted(staged) == 2 end)
    assert.same({ 1, 1, 0, 0 }, { counted(staged, "same"), counted(staged, "different"), counted(staged, "failed"),
      counted(staged, "skipped") })
    gateway.eventually("they are written", function() return counted(logged, "written") == before + 1 end)
    assert.same({ 0, 0 }, { counted(logged, "lost"), counted(logged, "skipped") })
    assert.equal(0, sum(scrape(), "oppd_staging_queue_decisions"))
    check.ok(g.admin:delete("/policies/stage"))
  end)

  it("count rules that run out of their budget", function()
    local dir, slow = gateway.make_dir(), nil
    finally(function()
      gateway.stop(slow)
      os.execute("rm -r '" .. dir .. "'")
    end)
    os.execute(("mkdir -p '%s/slow'"):format(dir))
    gateway.write_file(dir .. "/slow/profile.lua", 'return { description = "x" }')
    gateway.write_file(dir .. "/slow/10.lua",
      'return { { name = "loop", tools = { "transaction.create" }, decide = function(r) '
      .. 'while r.payload.title ~= "" do end return deny "x" end } }')
    slow = gateway.start { policies = dir, flags = { "--profile", "slow" } }
    local response = slow.agent:post("/actions", ledger.create())
    assert.equal(403, response.status, response.text)
    local families = parse(slow:client("", slow.admin.token):get("/metrics").text)
    assert.equal(1, sum(families, "oppd_lua_budget_trips_total", { of = "policy" }))
    assert.equal(1, sum(families, "oppd_policy_decisions_total", { phase = "action", outcome = "deny" }))
    assert.equal(1, sum(families, "oppd_policy_rule_failures_total"))
  end)

  local trace <const>, span <const> = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

  it("are joined by traces that go on", function()
    local response = g.agent:get("/manifest", nil, { traceparent = ("00-%s-%s-01"):format(trace, span) })
    local own = response.headers.traceparent:match("^00%-" .. trace .. "%-(%x+)%-01$")
    assert.equal(16, #own)
    assert.not_equal(span, own)
    local id = response.headers["x-request-id"]
    local line = gateway.eventually("the request's line", function()
      return g:log():match("[^\n]*" .. id .. "[^\n]*")
    end)
    assert.equal(trace, json.decode(line).trace_id)
    assert.equal("/api/agent/v1/manifest", json.decode(line).route)
  end)

  it("are joined by new traces where none, a broken one or two come", function()
    local function trace_of(headers)
      return g.agent:get("/manifest", nil, headers).headers.traceparent:match("^00%-(%x+)%-%x+%-00$")
    end
    local first = trace_of {}
    assert.equal(32, #first)
    assert.not_equal(first, trace_of {})
    assert.not_equal(trace, trace_of { traceparent = ("00-%s-%s"):format(trace, span) })
    local field = ("traceparent: 00-%s-%s-01\r\n"):format(trace, span)
    local response = http.raw(g.address, "GET /healthz HTTP/1.1\r\nHost: x\r\n" .. field .. field .. "\r\n")
    assert.is_nil(response.headers.traceparent:find(trace, 1, true))
  end)

  it("and the log tell no secret", function()
    local mark = "canary" .. os.time()
    g.agent:post("/actions", ledger.create({ justification = mark .. "a" }, { title = mark .. "b" }),
      { ["Idempotency-Key"] = mark .. "c", ["User-Agent"] = mark .. "d", Cookie = mark .. "e", ["X-Mine"] = mark })
    g.agent:get("/transactions", { q = mark .. "f" })
    g:agent_client("op_" .. mark):get("/manifest")
    g.agent:get("/" .. mark)
    http.raw(g.address, "GET /" .. mark .. "%00 HTTP/1.1\r\nHost: " .. mark .. "\r\n\r\n")
    local text = g:client("", g.admin.token):get("/metrics").text .. g:log()
    assert.is_nil(text:find(mark, 1, true))
    for _, token in ipairs { g.agent.token, g.admin.token } do
      assert.is_nil(text:find(token, 1, true))
    end
    local lines = 0
    for line in g:log():gmatch("[^\n]+") do
      local entry = json.decode(line)
      lines = lines + (entry.event == "request.done" and 1 or 0)
      assert.is_true(entry.event ~= "request.done" or (entry.request_id:find("^req_") and #entry.trace_id == 32))
    end
    assert.is_true(lines > 20)
  end)
end)
