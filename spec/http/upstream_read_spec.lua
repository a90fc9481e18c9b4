-- SPDX-License-Identifier: MIT
-- Tools that read a system over HTTP: call.http looks synchronous, and nobody waits for it but its caller.
local check = require "spec.support.check"
local crm = require "spec.support.crm"
local gateway = require "spec.support.gateway"

describe("a tool that reads over HTTP", function()
  local up

  setup(function() up = crm.start() end)
  teardown(function() crm.stop(up) end)
  before_each(function() up:mode {} end)

  local function show(order, more)
    local query = { orderId = order }
    for name, value in pairs(more or {}) do query[name] = value end
    return up.agent:get("/order", query)
  end

  it("is answered with what the system has, once for each function that asks", function()
    local before = up:seen().reads
    local data = check.ok(up.agent:get("/orders", { most = 2 }))
    assert.same({ { id = "o1", total = 10 }, { id = "o2", total = 20 } }, data.orders)
    assert.equal(before + 2, up:seen().reads)
  end)

  it("sees status, body and ETag, and whatever the status is", function()
    local data = check.ok(show("o1"))
    assert.same({ 200, '"v1"', 10 }, { data.status, data.etag, data.order.total })
    up:mode { read = 503 }
    assert.equal(503, check.ok(show("o1")).status)
  end)

  it("cannot be led elsewhere by a segment, and never to another tenant's", function()
    assert.equal(7, check.ok(show("with/slash and space")).order.total)
    check.refused(show("x1"), 403, "agent.policy_denied")
    for _, segment in ipairs { "o1?org=x", "o1#x", "%2e%2e" } do
      assert.equal(404, check.ok(show(segment)).status)
    end
    for _, segment in ipairs { ".", "..", "", "../effects", "o1\r\nX: y", "o1/..\\." } do
      check.refused(show(segment), 502, "agent.execution_failed")
    end
  end)

  it("is unavailable, with a time to come back, when the system does not answer", function()
    for _, how in ipairs { "hang", "close" } do
      up:mode { read = how }
      local response = show("o1")
      check.refused(response, 502, "agent.execution_failed")
      assert.equal("5", response.headers["retry-after"])
    end
  end)

  it("may do without, and refuse in its own way", function()
    up:mode { read = "close" }
    local data = check.ok(show("o1", { patient = true }))
    assert.same({ 0 }, { data.status })
  end)

  it("keeps nobody waiting but its own caller", function()
    local waiting = up:hangs({ read = "hang" }, 20, function()
      return { method = "GET", path = "/order", query = { orderId = "o1" } }
    end)
    for i = 1, 20 do check.refused(waiting[i]:finish(), 502, "agent.execution_failed") end
  end)

  it("answers fifty at once, each with its own", function()
    local waiting = {}
    for i = 1, 50 do
      waiting[i] = up.agent:start { method = "GET", path = "/order", query = { orderId = "o" .. i } }
    end
    for i = 1, 50 do assert.equal(i * 10, check.ok(waiting[i]:finish()).order.total) end
  end)

  it("is given up when its caller leaves, and its place is another's", function()
    up:mode { read = "hang" }
    local before = #up.g:audit { action = "agent.order.show", status = "failed" }
    local leaving = up.agent:start { method = "GET", path = "/order", query = { orderId = "o1" } }
    gateway.eventually("the system is asked", function() return up:seen().reads > 0 end)
    leaving.connection:close()
    gateway.eventually("it is recorded", function()
      return #up.g:audit { action = "agent.order.show", status = "failed" } > before
    end)
    up:mode {}
    assert.equal(200, check.ok(show("o1")).status)
  end)

  it("is in a preflight, with impact and state", function()
    local data = check.ok(up.agent:post("/preflight", { action = "order.cancel", payload = { orderId = "o3" } }))
    assert.same({ 30, 1 }, { data.impact.order.total, data.stateWitness.version })
    check.refused(up.agent:post("/preflight", { action = "order.cancel", payload = { orderId = "x1" } }), 403,
      "agent.policy_denied")
    check.refused(up.agent:post("/preflight", { action = "order.cancel", payload = { orderId = "none" } }), 403,
      "agent.policy_denied")
  end)
end)

describe("an adapter that names a system", function()
  it("does not load when that is not configured, and says where", function()
    local output, code = gateway.run("check --adapters spec/fixtures/upstreams")
    assert.not_equal(0, code)
    assert.is_truthy(output:find("crm/init.lua:5", 1, true), output)
    assert.is_truthy(output:find("'crm'", 1, true), output)
  end)

  it("is not taken by a reload either, and everything stays as it was", function()
    local dir = gateway.make_dir()
    assert(os.execute(("cp -r spec/fixtures/upstreams/crm '%s'"):format(dir)))
    local up = crm.start { adapters = dir }
    finally(function()
      crm.stop(up)
      os.execute(("rm -r '%s'"):format(dir))
    end)
    local init = gateway.read_file(dir .. "/crm/init.lua")
    gateway.write_file(dir .. "/crm/init.lua", (init:gsub("upstreams = { crm =", "upstreams = { erp = {}, crm =")))
    local issue = check.refused(up.g.admin:post("/policies/reload"), 400, "common.validation").issues[1]
    assert.same({ "crm/init.lua", 5 }, { issue.file, issue.line })
    assert.equal(200, check.ok(up.agent:get("/order", { orderId = "o1" })).status)
  end)
end)
