-- SPDX-License-Identifier: MIT
-- Bodies that are small on the wire and large or slow behind it: refused, without much memory, and nobody else notices.
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"

local size <const> = 256 * 1024 - 64

-- Fills the largest body with a part, between a beginning and an end.
local function fill(before, part, after)
  return before .. part:rep((size - #before - #after) // #part) .. after
end

local bombs <const> = {
  ["many empty objects"] = fill('{"payload":[{}', ",{}", "]}"),
  ["many numbers"] = fill('{"payload":[0', ",0", "]}"),
  ["many members"] = fill('{"a":{"":0', ',"":0', "}}"),
  ["depth of arrays"] = fill('{"payload":', "[", ""),
  ["depth of arrays that end"] = '{"payload":' .. ("["):rep(100000) .. ("]"):rep(100000) .. "}",
  ["depth of objects"] = fill("", '{"a":', ""),
  ["a number with many digits"] = fill('{"payload":1', "0", "}"),
  ["a number with a large exponent"] = '{"payload":1e999999999}',
  ["many escapes"] = fill('{"action":"', "\\u0000", '"}'),
  ["a long text"] = fill('{"action":"', "a", '"}'),
  ["a long text of escapes"] = fill('{"action":"', "\\ud83d\\ude00", '"}'),
  ["one key again and again"] = fill('{"a":1', ',"a":1', "}"),
  ["blanks"] = fill("", " ", "{}x"),
  ["a tail"] = "{}" .. fill("", "]", ""),
  ["no UTF-8"] = fill('{"action":"', "\xc0\xaf", '"}'),
  ["a byte order mark"] = "\xef\xbb\xbf{}",
}

describe("a body that is a bomb", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function status_of(name)
    return tonumber(gateway.read_file(("/proc/%d/status"):format(g.pid)):match(name .. ":%s*(%d+)"))
  end

  for name, body in pairs(bombs) do
    it("of " .. name .. " is refused", function()
      local response = g.agent:request { method = "POST", path = "/actions", body = body }
      assert.equal(400, response.status, response.text:sub(1, 300))
      assert.equal("common.validation", response.body.code)
    end)
  end

  it("takes little memory, and leaves the gateway as it was", function()
    local before = status_of("VmRSS")
    for _ = 1, 4 do
      for _, body in pairs(bombs) do
        g.agent:request { method = "POST", path = "/actions", body = body }
      end
    end
    -- Sanitizers keep what was freed.
    if not gateway.program():find("/[at]san/") then
      assert.is_true(status_of("VmHWM") - before <= 16 * 1024, ("%d kB more"):format(status_of("VmHWM") - before))
    end
    assert.equal("draft", ledger.draft(g.agent, ledger.create()).status)
  end)
end)
