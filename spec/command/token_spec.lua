-- SPDX-License-Identifier: MIT
-- oppd token create: an admin token while the gateway is stopped.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"

describe("oppd token create", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function create(flags)
    return gateway.run(("token create --data '%s' %s"):format(g.data, flags))
  end

  it("waits for the gateway to be stopped", function()
    local output, code = create("--user ann --role owner")
    assert.equal(1, code)
    assert.is_truthy(output:find("another oppd uses the data directory", 1, true), output)
  end)

  it("says which flag is missing or wrong", function()
    for flags, text in pairs {
      [""] = "--user: is required",
      ["--user ann"] = "--role: is required",
      ["--user ann --role boss"] = '--role: must be one of "viewer", "reviewer", "operator", "owner"',
    } do
      local output, code = create(flags)
      assert.equal(2, code, output)
      assert.equal("oppd: " .. text .. "\n", output)
    end
  end)

  it("gives a token that works from the next start on, and is on record", function()
    g:terminate()
    local output, code = create("--user ann --role viewer reviewer --role operator --name laptop --org org_demo")
    assert.equal(0, code, output)
    local token = assert(output:match("^(opa_[%w_-]+)\n$"))
    g:restart()
    local who = check.ok(g:admin_client(token):get("/whoami"))
    assert.equal("ann", who.user_id)
    local rows = g:audit { action = "admin_token.create" }
    assert.equal("cli", rows[1].performed_by_user_id)
    assert.same({ "viewer", "reviewer", "operator" }, rows[1].details.roles)
    assert.same({ "org_demo" }, rows[1].details.org_ids)
  end)
end)
