-- SPDX-License-Identifier: MIT
-- oppd.yaml, as oppd serve reads it.
local gateway = require "spec.support.gateway"

describe("oppd.yaml", function()
  local dir

  setup(function() dir = gateway.make_dir() end)
  teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  local function refused(yaml, text)
    local file = dir .. "/oppd.yaml"
    gateway.write_file(file, yaml)
    local output, code = gateway.run("serve --data '" .. dir .. "/data' --config '" .. file .. "'")
    assert.equal(2, code, output)
    assert.equal(("oppd: %s:%s\n"):format(file, text), output)
  end

  it("is refused for an unknown key, with its line and the name that was meant", function()
    refused("demo: false\nwokers: 1\n", "2: wokers is no setting; did you mean workers?")
    refused("limits:\n  rate_per_minut: 1\n", "2: limits.rate_per_minut is no setting; did you mean rate_per_minute?")
    refused("colour: red\n", "1: colour is no setting; oppd help config lists them")
  end)

  it("is refused for a wrong value, with its line and what is wanted", function()
    refused("\nworkers: 65\n", "2: workers must be at most 64")
    refused("workers: two\n", "1: workers must be an integer, not a string")
    refused("log:\n  format: xml\n", '2: log.format must be one of "json", "text"')
  end)

  it("is refused when it is not there", function()
    local output, code = gateway.run("serve --config '" .. dir .. "/none.yaml'")
    assert.equal(2, code)
    assert.is_truthy(output:find("none.yaml", 1, true))
  end)

  it("leaves nothing behind when it is refused", function()
    refused("workers: 65\n", "1: workers must be at most 64")
    assert.is_nil(gateway.read_file(dir .. "/data/lock"))
  end)

  it("counts less than the flags", function()
    local g = gateway.start { config = "listen: 192.0.2.1:1\ninsecure: true\nprofile: none\n",
      flags = { "--profile", "default" } }
    finally(function() gateway.stop(g) end)
    assert.equal(200, g:client(""):get("/healthz").status)
  end)
end)
