-- SPDX-License-Identifier: MIT
-- What oppd says to somebody at a terminal.
local gateway = require "spec.support.gateway"

local function run(arguments)
  return gateway.run(arguments)
end

local function refused(arguments, text)
  local output, code = run(arguments)
  assert.equal(2, code, output)
  assert.is_truthy(output:find(text, 1, true), output)
  local _, lines = output:gsub("\n", "")
  assert.equal(1, lines, output)
end

describe("oppd at a terminal", function()
  it("runs under Lua 5.4", function()
    assert.equal("Lua 5.4", _VERSION)
  end)

  it("says its version", function()
    for _, word in ipairs { "version", "--version" } do
      local output, code = run(word)
      assert.equal(0, code)
      assert.is_truthy(output:find("^oppd %d+%.%d+%.%d+\n$"))
    end
  end)

  it("lists its commands", function()
    for _, word in ipairs { "help", "--help", "-h" } do
      local output, code = run(word)
      assert.equal(0, code)
      for _, command in ipairs { "serve", "check", "facts", "token create", "backup", "restore", "version", "help" } do
        assert.is_truthy(output:find("oppd " .. command, 1, true), command)
      end
    end
  end)

  it("says what is wrong where its output cannot be written", function()
    local dir = gateway.make_dir()
    local program = "sh -c 'exec \"$0\" \"$@\" >/dev/full' " .. gateway.program()
    for _, arguments in ipairs {
      "version", "help", "facts transaction.create", "check",
      ("token create --user a --role viewer --data '%s'"):format(dir),
      ("backup '%s/backup' --data '%s'"):format(dir, dir), ("audit verify --data '%s'"):format(dir),
    } do
      local output, code = gateway.run(arguments, nil, program)
      assert.same({ "oppd: cannot write to the standard output\n", 1 }, { output, code }, arguments)
    end
    os.execute(("rm -r '%s'"):format(dir))
  end)

  it("shows the commands to somebody who names none, and fails", function()
    local output, code = run("")
    assert.equal(2, code)
    assert.is_truthy(output:find("oppd serve", 1, true))
  end)

  it("lists the flags of a command, wherever help is asked for", function()
    for _, words in ipairs { "help serve", "serve --help", "serve --demo --help", "serve -h --listen" } do
      local output, code = run(words)
      assert.equal(0, code, words)
      for _, flag in ipairs { "config", "listen", "admin-listen", "data", "policies", "profile", "adapters", "workers",
        "rate-limit", "demo", "credentials", "log" } do
        assert.is_truthy(output:find("\n  --" .. flag, 1, true), flag)
      end
    end
    assert.is_truthy(run("help token create"):find("--role", 1, true))
    assert.is_truthy(run("token create --help"):find("--role", 1, true))
  end)

  it("lists every setting of oppd.yaml as docs/configuration.md does", function()
    local output, code = run("help config")
    assert.equal(0, code)
    assert.is_truthy(gateway.read_file("docs/configuration.md"):find(output, 1, true))
  end)

  it("refuses an unknown command and names the one that was meant", function()
    refused("srve", 'did you mean "serve"? See oppd help')
    refused("token", 'did you mean "token create"?')
    refused("token craete", 'did you mean "token create"?')
    refused("dance", 'there is no command "dance"; see oppd help')
    refused("help srve", 'did you mean "serve"?')
  end)

  it("refuses an unknown flag and names the one that was meant", function()
    refused("serve --lisen 127.0.0.1:0", "there is no flag --lisen; did you mean --listen? See oppd help serve")
    refused("serve --colour red", "there is no flag --colour; see oppd help serve")
    refused("token create --rolle owner", "did you mean --role? See oppd help token create")
  end)

  it("refuses a wrong value and says what is wanted", function()
    refused("serve --listen", "--listen needs a value: HOST:PORT")
    refused("serve --listen 8080", "--listen: must be HOST:PORT")
    refused("serve --workers many", "--workers needs a whole number")
    refused("serve --workers 65", "--workers: must be at most 64")
    refused("serve --rate-limit 0", "--rate-limit: must be at least 1")
    refused("serve --log xml", '--log: must be one of "json", "text"')
    refused("serve --profile ../default", "--profile: must be a name")
    refused("serve --demo=yes", "--demo takes no value")
    refused("serve now", '"now" is not expected here')
  end)

  it("does not listen where other machines reach it without TLS", function()
    refused("serve --listen 0.0.0.0:0", "insecure: true")
    refused("serve --admin-listen [::]:0", "insecure: true")
  end)
end)
