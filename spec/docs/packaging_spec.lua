-- SPDX-License-Identifier: MIT
-- The systemd unit and the container file: they start the same thing, with what it needs.
local certificate = require "spec.support.certificate"
local gateway = require "spec.support.gateway"

local function read(name) return assert(gateway.read_file("packaging/" .. name), name) end

local function lines(command)
  local pipe, found = io.popen(command .. " 2>/dev/null"), {}
  for line in pipe:lines() do
    found[#found + 1] = line
  end
  pipe:close()
  return found
end

describe("what starts the gateway elsewhere", function()
  it("is the same command with the same configuration", function()
    local unit = read("oppd.service"):match("\nExecStart=([^\n]+)")
    local words = {}
    for _, step in ipairs { "ENTRYPOINT", "CMD" } do
      for word in read("Containerfile"):match("\n" .. step .. " %[([^\n]+)%]"):gmatch('"([^"]+)"') do
        words[#words + 1] = word
      end
    end
    assert.equal(unit, table.concat(words, " "))
    local config = unit:match("%-%-config (%S+)")
    assert.is_truthy(read("Containerfile"):find("COPY packaging/oppd.yaml " .. config, 1, true))
    local data = read("oppd.yaml"):match("\ndata: (%S+)")
    assert.equal("/var/lib/" .. read("oppd.service"):match("\nStateDirectory=(%S+)"), data)
    assert.is_truthy(read("Containerfile"):find("VOLUME " .. data, 1, true))
  end)

  it("is a configuration that the gateway starts with", function()
    local dir, g = gateway.make_dir(), nil
    finally(function()
      gateway.stop(g)
      os.execute("rm -r '" .. dir .. "'")
    end)
    local file, key = certificate.make(dir, "own")
    g = gateway.start { flags = { "--config", "packaging/oppd.yaml", "--admin-listen", "127.0.0.1:0",
      "--tls-certificate", file, "--tls-key", key } }
    assert.equal(200, g.agent:get("/manifest").status)
  end)

  it("has every library that the program is linked with", function()
    local installed, missing = read("Containerfile"):match("\nFROM debian:12%-slim\n(.*)"), {}
    -- What these need in turn comes with their packages.
    local names = lines("readelf -d '" .. gateway.program() .. "' | sed -n 's/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p'")
    assert.is_true(#names > 5)
    for _, name in ipairs(names) do
      local library = lines("ldd '" .. gateway.program() .. "' | sed -n 's/^\t" .. name
        .. " => \\(.*\\) (.*/\\1/p' | xargs -r readlink -f")[1] or name
      local package = (lines("dpkg -S '" .. library .. "'")[1] or ""):match("^[^:]+")
      if package and not package:find("^libc6") and not package:find("san%d") and not package:find("^libgcc")
        and not installed:find(package, 1, true) then
        missing[#missing + 1] = package
      end
    end
    assert.same({}, missing)
  end)

  it("is built of what the container file copies, and nothing else", function()
    local dir = gateway.make_dir()
    finally(function() os.execute("rm -r '" .. dir .. "'") end)
    local copied = {}
    for from, to in read("Containerfile"):match("^(.-)\nFROM debian:12%-slim\n"):gmatch("\nCOPY (%S+) /src/(%S*)") do
      assert(os.execute(("cp -r '%s' '%s/%s'"):format(from, dir, to)))
      copied[#copied + 1] = from
    end
    assert.same({ "CMakeLists.txt", "cmake", "bench", "src" }, copied)
    assert(os.execute(("cmake -S '%s' -B '%s/build' -G Ninja -DOPP_TESTS=OFF >/dev/null"):format(dir, dir)))
  end)

  it("runs as a user and a group of the numbers that the container file gives them", function()
    local user, group = read("Containerfile"):match("\nUSER (%d+):(%d+)\n")
    assert.equal(group, read("Containerfile"):match("groupadd %-%-gid (%d+) oppd"))
    assert.equal(user, read("Containerfile"):match("useradd %-%-uid (%d+) %-%-gid oppd "))
  end)

  it("is built with all that ./dev builds with", function()
    local list = gateway.read_file("dev"):match('%[build%]="(.-)"')
    for word in list:gmatch("lib%S+%-dev") do
      assert.is_truthy(read("Containerfile"):find(" " .. word, 1, true), word)
    end
  end)
end)
