-- SPDX-License-Identifier: MIT
-- The specs trust these; so they are tried themselves.
local gateway = require "spec.support.gateway"
local generate = require "spec.support.generate"
local http = require "spec.support.http"
local json = require "spec.support.json"
local sha256 = require "spec.support.sha256"

describe("the specs' own tools", function()
  it("hash as FIPS 180-4 says, whatever the padding", function()
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", sha256 "")
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sha256 "abc")
    for _, length in ipairs { 55, 56, 63, 64, 65, 119, 120, 1000 } do
      local pipe = assert(io.popen(("printf '%%0%dd' 0 | sha256sum"):format(length)))
      assert.equal(pipe:read("a"):sub(1, 64), sha256(("0"):rep(length)))
      pipe:close()
    end
  end)

  it("keep null, [] and {} apart", function()
    local text = '{"a":null,"b":[],"c":{},"d":[null,{}]}'
    assert.equal(text, json.encode(json.decode(text)))
  end)

  it("order keys by UTF-16 code units", function()
    local keys = { "\u{20ac}", "\r", "\u{fb33}", "1", "\u{1f600}", "\u{80}", "\u{f6}" }
    local object = json.object()
    for i, key in ipairs(keys) do object[key] = i end
    assert.equal('{"\\r":2,"1":4,"\u{80}":6,"\u{f6}":7,"\u{20ac}":1,"\u{1f600}":5,"\u{fb33}":3}', json.encode(object))
  end)

  it("print numbers as ECMAScript does", function()
    local expected = { [0.1] = "0.1", [1e21] = "1e+21", [1e20] = "100000000000000000000", [1e-6] = "0.000001",
      [1e-7] = "1e-7", [5e-324] = "5e-324", [1.7976931348623157e308] = "1.7976931348623157e+308", [-0.5] = "-0.5",
      [333333333.33333329] = "333333333.3333333", [123456.0] = "123456", [1.5e300] = "1.5e+300" }
    for number, text in pairs(expected) do
      assert.equal(text, json.number(number))
    end
    assert.equal("0", json.number(-0.0))
  end)

  it("generate the same requests for the same seed", function()
    local pool, who = { app = { "a" }, key = { "k" }, draft = { "d" }, preflight = { "p" } }, { agent = {}, admin = {} }
    local function some(seed)
      local make, list = generate.requests(seed, pool, who), {}
      for i = 1, 50 do
        local request = make()
        list[i] = request.path .. json.encode(request.query or {}) .. json.encode(request.json == nil or request.json)
      end
      return table.concat(list, "\n")
    end
    assert.equal(some(7), some(7))
    assert.not_equal(some(7), some(8))
  end)

  it("shrink a request to what makes it fail", function()
    local request = { json = json.object { a = 1, b = json.object { c = 2, d = json.array { 3, 4, 5 } } } }
    local small = generate.shrink(request, function(candidate)
      local b = candidate.json.b
      return b ~= nil and b.d ~= nil and (b.d[1] == 4 or b.d[2] == 4)
    end)
    assert.equal('{"b":{"d":[4]}}', json.encode(small.json))
  end)

  it("say what is not built before they start a gateway", function()
    local pipe = assert(io.popen([[env -u OPP_VALIDATE OPP_SCHEMA_CHECK=/nonexistent/check OPPD=/nonexistent/oppd \
      lua5.4 -e 'print(pcall(require "spec.support.gateway".start))' 2>&1]]))
    local said = pipe:read("a")
    pipe:close()
    assert.matches("^false\tanswers are held against docs/openapi.yaml by /nonexistent/check, which is not there", said)
  end)

  it("do not take an answer of /readyz that is not described for one that is yet to come", function()
    local g = gateway.start()
    g:terminate()
    local former = http.observe { answer = function() error("this answer is not described", 0) end }
    finally(function()
      http.observe(former)
      gateway.stop(g)
    end)
    assert.has_error(function() g:restart() end, "this answer is not described")
  end)
end)
