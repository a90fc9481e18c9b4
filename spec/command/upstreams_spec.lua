-- SPDX-License-Identifier: MIT
-- Upstreams, as oppd serve takes them from oppd.yaml.
local gateway = require "spec.support.gateway"

describe("an upstream in oppd.yaml", function()
  local dir, config, token

  local function write_config(base_url)
    local yaml = "upstreams:\n  crm:\n    base_url: %s\n    credential: {header: Authorization, file: %s}\n"
    gateway.write_file(config, yaml:format(base_url, token))
  end

  before_each(function()
    dir = gateway.make_dir()
    config, token = dir .. "/oppd.yaml", dir .. "/token"
    write_config("http://127.0.0.1:1/api")
    gateway.write_file(token, "s3cret-canary\n")
  end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  it("is counted from the start, and its credential read again at a hang-up", function()
    local g = gateway.start { flags = { "--config", config } }
    finally(function() gateway.stop(g) end)
    local metrics = g:client("", g.admin.token):get("/metrics")
    assert.is_truthy(metrics.text:find('\noppd_upstream_requests_in_flight{upstream="crm"} 0\n', 1, true))
    os.execute("kill -HUP " .. g.pid)
    gateway.eventually("the line about it", function() return g:log():find('"event":"upstreams.reloaded"', 1, true) end)
    os.remove(token)
    os.execute("kill -HUP " .. g.pid)
    gateway.eventually("the line about it", function()
      return g:log():find('"event":"upstreams.reload_failed"', 1, true)
    end)
    assert.is_truthy(g:log():find(token, 1, true))
    assert.is_nil(g:log():find("canary", 1, true))
    assert.equal(0, g:terminate())
  end)

  it("is refused when its credential cannot be read, with the file's name", function()
    gateway.write_file(token, "s3cret-canary\nand more\n")
    local output, code = gateway.run(("serve --data '%s/data' --config '%s'"):format(dir, config))
    assert.equal(2, code, output)
    assert.is_truthy(output:find(token, 1, true), output)
    assert.is_nil(output:find("canary", 1, true))
  end)

  it("is refused on another machine without TLS, with its line", function()
    write_config("http://crm.example.com/api")
    local output, code = gateway.run(("serve --data '%s/data' --config '%s'"):format(dir, config))
    assert.equal(2, code, output)
    assert.is_truthy(output:find(config .. ":3: upstreams.crm.base_url would send", 1, true), output)
  end)
end)
