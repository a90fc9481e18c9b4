-- SPDX-License-Identifier: MIT
-- The table of refusals in docs/http.md: each row can be had, with its status, and nothing else is refused in this way.
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"

local post <const> = "POST /api/agent/v1/actions HTTP/1.1\r\nHost: x\r\n"

-- A request that earns each code; several where the status differs.
local requests <const> = {
  ["common.not_implemented"] = { [501] = "BREW / HTTP/1.1\r\nHost: x\r\n\r\n" },
  ["common.bad_request"] = { [400] = "GET // HTTP/1.1\r\nHost: x\r\n\r\n" },
  ["common.version_not_supported"] = { [505] = "GET / HTTP/2.0\r\nHost: x\r\n\r\n" },
  ["common.headers_too_large"] = { [431] = "GET / HTTP/1.1\r\nHost: x\r\n" .. ("A: b\r\n"):rep(64) .. "\r\n" },
  ["common.length_required"] = { [411] = post .. "Transfer-Encoding: chunked\r\n\r\n" },
  ["common.payload_too_large"] = { [413] = post .. "Content-Length: 262145\r\n\r\n" },
  ["common.expectation_failed"] = { [417] = post .. "Expect: tea\r\n\r\n" },
  ["common.not_found"] = { [404] = "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n" },
  ["common.method_not_allowed"] = { [405] = "PUT /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n" },
  ["what the token deserves"] = {
    [401] = post .. "Content-Length: 1\r\n\r\n",
    [429] = post .. "Content-Length: 1\r\n\r\n",
    [503] = false, -- takes a store that fails: tests/unit/command/test_callers.c
  },
}

-- The codes that the guard's sources name, by their names on the wire.
local function codes_in_source()
  local names, found = {}, {}
  for constant, name in gateway.read_file("src/base/code.h"):gmatch('X%(([%w_]+), "([^"]+)"') do
    names[constant] = name
  end
  for _, file in ipairs { "framing.c", "framing_field.c", "guard.c" } do
    for constant in gateway.read_file("src/http/" .. file):gmatch("OPP_E_[%u_]+") do
      found[assert(names[constant], constant)] = true
    end
  end
  found["common.internal_error"] = nil -- no memory
  return found
end

-- Gives {code = {status = true}} of the table, and the number of its rows.
local function documented()
  local rows, count = {}, 0
  local section = gateway.read_file("docs/http.md"):match("\n## Refusals of the guard\n(.-)\n## ")
  for codes, statuses in section:gmatch("\n| ([^|]+) | ([%d, ]+) |") do
    local each = {}
    for status in statuses:gmatch("%d+") do
      each[#each + 1] = tonumber(status)
    end
    local names = {}
    for name in codes:gmatch("`([^`]+)`") do
      names[#names + 1] = name
    end
    for i, name in ipairs(#names > 0 and names or { codes }) do
      rows[name] = #names > 1 and { each[i] } or each
      count = count + 1
    end
  end
  return rows, count
end

describe("the table of the guard's refusals", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  it("has a row for every code that the guard refuses with, and no other", function()
    local rows, count = documented()
    assert.is_true(count >= 10)
    for name in pairs(codes_in_source()) do
      assert.is_table(rows[name], name .. " is not in docs/http.md")
    end
    for name in pairs(rows) do
      assert.is_table(requests[name], name .. " is in docs/http.md, and nothing is known to earn it")
    end
  end)

  it("tells what comes", function()
    for name, statuses in pairs(documented()) do
      for _, status in ipairs(statuses) do
        local request = requests[name][status]
        assert.is_not_nil(request, name .. " " .. status)
        if request and status ~= 429 then
          local response = assert(http.raw(g.address, request))
          assert.equal(status, response.status, name)
          assert.equal("close", response.headers.connection, name)
          if name:find(".", 1, true) then
            assert.equal(name, response.body.code)
          end
        end
      end
    end
  end)

  it("tells what comes to who fails too often", function()
    local request, response = requests["what the token deserves"][429], nil
    for _ = 1, 40 do
      response = assert(http.raw(g.address, request))
      if response.status ~= 401 then
        break
      end
    end
    assert.equal(429, response.status)
    assert.is_truthy(response.headers["retry-after"])
  end)
end)
