-- SPDX-License-Identifier: MIT
-- oppd serve: starting, sharing a machine with others, and ending.
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local socket = require "socket"

local function quote(text) return "'" .. text .. "'" end

local function output_of(g) return gateway.read_file(g:file("out")) end

describe("oppd serve", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function refused(flags, code, text)
    local words = "serve --log text --workers 1 --listen 127.0.0.1:0 --data %s %s"
    local command = words:format(quote(g:file(flags:find("%-%-profile") and "new" or "other")), flags)
    local output, exit = gateway.run(command)
    assert.equal(code, exit, output)
    assert.is_truthy(output:find(text, 1, true), output)
  end

  it("prints its address, the tokens once, and lines that work", function()
    local text = output_of(g)
    assert.is_truthy(text:find("listens on " .. g.base_url .. "\n", 1, true))
    assert.is_truthy(text:find(g.credentials.agent_token, 1, true))
    assert.is_truthy(text:find(g.credentials.admin_token, 1, true))
    local lines = {}
    for line in text:gmatch("\n%s*(curl [^\n]+)") do
      local pipe = io.popen(line .. " 2>/dev/null")
      local answer = json.decode(pipe:read("a"))
      pipe:close()
      assert.is_true(answer.ok, line)
      lines[#lines + 1] = line
    end
    assert.is_truthy(lines[1]:find("/api/agent/v1/manifest", 1, true))
    assert.is_truthy(lines[2]:find("-X POST .*/api/agent%-admin/v1/policies/reload"))
    assert.is_truthy(text:find("After a change below policies:", 1, true))
  end)

  it("writes the credentials for their owner only", function()
    local pipe = io.popen("stat -c %a " .. quote(g:file("credentials.json")))
    assert.equal("600", pipe:read("l"))
    pipe:close()
    for _, name in ipairs { "base_url", "agent_token", "admin_token", "app_id", "key_id" } do
      assert.equal("string", type(g.credentials[name]), name)
    end
  end)

  it("has written the credentials when it says that it listens", function()
    local pipe = io.popen("stat -c %.3Y " .. quote(g:file("credentials.json")))
    local written = pipe:read("n")
    pipe:close()
    local line = gateway.read_file(g.log_file):match('[^\n]*"event":"listening"[^\n]*')
    local seconds = line:match(":(%d%d%.%d%d%d)Z")
    assert.is_true((tonumber(seconds) - written) % 60 < 30, line .. " " .. written)
  end)

  it("keeps no token in its data directory or its log", function()
    for _, token in ipairs { g.credentials.agent_token, g.credentials.admin_token } do
      assert.is_nil(os.execute(("grep -rqF -e %s %s %s"):format(quote(token), quote(g.data), quote(g.log_file))))
    end
  end)

  it("refuses a data directory that another oppd has", function()
    local output, code = gateway.run("serve --log text --listen 127.0.0.1:0 --data " .. quote(g.data))
    assert.equal(1, code)
    assert.is_truthy(output:find("another oppd uses the data directory", 1, true), output)
  end)

  it("refuses a port that is in use", function()
    refused(("--listen %s:%d"):format(g.address.host, g.address.port), 1, "Address already in use")
  end)

  it("makes the demo also when its first start failed", function()
    refused(("--demo --listen %s:%d"):format(g.address.host, g.address.port), 1, "Address already in use")
    local other = gateway.start { flags = { "--data", g:file("other") } }
    finally(function() gateway.stop(other) end)
    assert.is_truthy(output_of(other):find("agent token", 1, true))
  end)

  it("refuses a profile that is not there", function()
    refused("--profile none", 2, "none")
  end)

  it("refuses rules that do not load, and says where", function()
    os.execute("mkdir -p " .. quote(g:file("policies/ruled")))
    gateway.write_file(g:file("policies/ruled/profile.lua"), "return { description = 'x' }")
    gateway.write_file(g:file("policies/ruled/10-rules.lua"), "return {\n  { name = 'x', tolls = {} },\n}")
    refused(("--policies %s --profile ruled"):format(quote(g:file("policies"))), 2, "10-rules.lua")
  end)

  it("serves the admin endpoints on their own address, and there only", function()
    local other = gateway.start { flags = { "--admin-listen", "127.0.0.1:0" } }
    finally(function() gateway.stop(other) end)
    local url = assert(output_of(other):match("admin endpoints are on (%S+)"))
    local admin = require("spec.support.http").client(require("spec.support.http").address(url), "",
      other.credentials.admin_token)
    assert.equal(200, admin:get("/api/agent-admin/v1/apps").status)
    assert.equal(200, admin:get("/healthz").status)
    assert.equal(404, admin:get("/api/agent/v1/manifest").status)
    assert.equal(404, other.admin:get("/apps").status)
  end)

  it("shows no token at later starts, and goes on after a hang-up", function()
    local other = gateway.start()
    finally(function() gateway.stop(other) end)
    local _, shown = output_of(other):gsub(other.credentials.agent_token:gsub("%p", "%%%0"), "")
    os.execute("kill -HUP " .. other.pid)
    other:restart()
    local _, shown_later = output_of(other):gsub(other.credentials.agent_token:gsub("%p", "%%%0"), "")
    assert.equal(shown, shown_later)
    assert.is_truthy(output_of(other):find("$OPP_AGENT_TOKEN", 1, true))
    assert.is_truthy(output_of(other):find("$OPP_ADMIN_TOKEN\" " .. other.base_url, 1, true))
    assert.equal(200, other.agent:get("/manifest").status)
  end)

  it("answers who waits for a decision, and does not wait for one, when it is asked to end", function()
    local other = gateway.start()
    local draft = ledger.draft(other.agent, ledger.create())
    local answer = other:file("answer")
    local url = ("%s/api/agent/v1/drafts/%s?wait=60"):format(other.base_url, draft.id)
    os.execute(("curl -s -H 'Authorization: Bearer %s' '%s' >%s &"):format(other.credentials.agent_token, url, answer))
    socket.sleep(0.3)
    local started = socket.gettime()
    assert.equal(0, other:terminate())
    assert.is_true(socket.gettime() - started < 5)
    assert.equal(draft.id, json.decode(gateway.read_file(answer)).data.draft.id)
    gateway.stop(other)
  end)

  it("ends with 0 when it is asked to", function()
    local other = gateway.start()
    assert.equal(0, other:terminate())
    gateway.stop(other)
  end)
end)
