-- SPDX-License-Identifier: MIT
-- Signed checkpoints of the audit trail: offered, kept elsewhere, and checked with nothing but openssl.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"

describe("the checkpoints of the audit trail", function()
  local g, file

  setup(function()
    file = os.tmpname()
    os.remove(file)
    g = gateway.start { config = ("audit: { checkpoint_file: %s, checkpoint_rows: 3 }\n"):format(file) }
  end)
  teardown(function()
    gateway.stop(g)
    os.remove(file)
  end)

  local function list(query)
    return check.ok(g.admin:get("/audit/checkpoints", query))
  end

  local function lines()
    local all = {}
    for line in (gateway.read_file(file) or ""):gmatch("[^\n]+") do all[#all + 1] = json.decode(line) end
    return all
  end

  local function newest_signed()
    return gateway.eventually("the newest row is signed", function()
      local newest = list().items[1]
      return newest and newest.seq == g:audit()[1].seq and newest
    end)
  end

  it("come as soon as there are rows enough, and name the hash of their row", function()
    for _ = 1, 3 do g:app() end
    gateway.eventually("there is a checkpoint", function() return list().items[1] end)
    for _, checkpoint in ipairs(list().items) do
      assert.equal(check.find(g:audit(), { seq = checkpoint.seq }).event_hash, checkpoint.hash)
    end
  end)

  it("are pages, newest first", function()
    for _ = 1, 9 do g:app() end
    gateway.eventually("there are three", function() return #list().items >= 3 end)
    local first = list { limit = 1 }
    local second = list { limit = 1, cursor = first.nextCursor }
    assert.is_true(second.items[1].seq < first.items[1].seq)
  end)

  it("are signed with the key that is offered, as openssl sees it", function()
    local key, checkpoint = check.ok(g.admin:get("/audit/key")), list().items[1]
    assert.equal(key.key, checkpoint.key)
    local message = ('{"hash":"%s","link":"%s","seq":%d,"time":"%s"}')
      :format(checkpoint.hash, checkpoint.link, checkpoint.seq, checkpoint.time)
    local function verify(text)
      gateway.write_file(g:file("key.pem"), key.publicKey)
      gateway.write_file(g:file("text"), text)
      gateway.write_file(g:file("signature"), checkpoint.signature .. "\n")
      return os.execute(("cd '%s' && openssl base64 -d -A -in signature -out raw && openssl pkeyutl -verify -pubin"
        .. " -inkey key.pem -rawin -in text -sigfile raw >/dev/null 2>&1"):format(g.dir))
    end
    assert.is_true(verify(message))
    assert.is_nil(verify(message:gsub('"seq":%d', '"seq":9')))
  end)

  it("are in the file and in the log", function()
    local checkpoint = list().items[1]
    assert.same(checkpoint, gateway.eventually("the file has it", function()
      return check.find(lines(), { seq = checkpoint.seq })
    end))
    assert.is_truthy(g:log():find(checkpoint.signature, 1, true))
  end)

  it("cover the last row when the gateway has ended", function()
    g:app()
    g:restart()
    local newest = newest_signed()
    assert.equal(newest.seq, lines()[#lines()].seq)
  end)

  it("cover what a killed gateway left, from the next start on", function()
    g:app()
    g:kill()
    g:restart()
    assert.equal(g:audit()[1].seq, newest_signed().seq)
  end)
end)
