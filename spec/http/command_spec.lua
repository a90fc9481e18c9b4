-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local lfs = require "lfs"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"

describe("oppd on the command line", function()
  it("says its version", function()
    local output, code = gateway.run("version")
    assert.equal(0, code)
    assert.is_truthy(output:find("%d+%.%d+%.%d+"))
  end)

  it("explains itself", function()
    for arguments, words in pairs {
      ["help"] = { "serve", "token", "version" },
      ["help serve"] = { "%-%-listen", "%-%-data", "%-%-demo", "%-%-credentials" },
    } do
      local output, code = gateway.run(arguments)
      assert.equal(0, code)
      for _, word in ipairs(words) do
        assert.is_truthy(output:find(word), word)
      end
    end
  end)

  it("does not start with what it does not understand", function()
    for _, arguments in ipairs { "serve --lisen 127.0.0.1:0", "serve --workers many", "serve --listen nowhere",
      "dance", "serve extra", "token create", "serve --log poetry" } do
      local output, code = gateway.run(arguments)
      assert.equal(2, code, arguments .. ": " .. output)
      assert.is_true(#output > 0)
    end
    assert.is_truthy(gateway.run("serve --lisen 127.0.0.1:0"):find("lisen", 1, true))
  end)

  describe("with data of its own", function()
    local g

    before_each(function() g = gateway.start() end)
    after_each(function() gateway.stop(g) end)

    it("writes credentials for scripts that nobody else can read", function()
      check.members(g.credentials, { "base_url", "agent_token", "admin_token", "app_id", "key_id" })
      local pipe = assert(io.popen("stat -c %a " .. g:file("credentials.json")))
      assert.equal("600", pipe:read("l"))
      pipe:close()
    end)

    it("makes the demo app once", function()
      local function demo_apps() return #check.ok(g.admin:get("/apps")).items end
      assert.equal(1, demo_apps())
      g:restart()
      assert.equal(1, demo_apps())
    end)

    it("makes a token for a person while it does not serve", function()
      local create = ("token create --data %s --user user_offline --role reviewer --role viewer --name laptop"):format(
        g.data)
      local _, busy = gateway.run(create)
      assert.is_true(busy ~= 0)
      assert.equal(0, g:terminate())
      local output, code = gateway.run(create)
      assert.equal(0, code, output)
      local token = output:match("opa_[%w_-]+")
      g:restart()
      local me = check.ok(g:admin_client(token):get("/whoami"))
      assert.equal("user_offline", me.user_id)
      assert.equal(json.encode { "reviewer", "viewer" }, json.encode(me.roles))
    end)

    it("logs one JSON object a line and ends well when asked", function()
      check.ok(g.agent:get("/manifest"))
      assert.equal(0, g:terminate())
      local lines = 0
      for line in g:log():gmatch("[^\n]+") do
        assert.is_table(json.decode(line), line)
        lines = lines + 1
      end
      assert.is_true(lines > 0)
    end)
  end)

  it("writes files that are for its own user, also in a directory that is for all", function()
    local dir = gateway.make_dir()
    local _, code = gateway.run(("token create --user maria --role owner --data '%s'"):format(dir))
    assert.equal(0, code)
    assert.equal("rw-------", lfs.attributes(dir .. "/gateway.db", "permissions"))
    os.execute("rm -r '" .. dir .. "'")
  end)
end)
