-- SPDX-License-Identifier: MIT
-- What was authorised is what was routed: no other spelling of a path leads anywhere. A request without a token tells:
-- it is refused with 401 where it has reached a route, and with 400 or 404 where it has not.
local connection = require "spec.support.connection"
local gateway = require "spec.support.gateway"
local lyaml = require "lyaml"

-- Each gives another spelling of a path.
local spellings <const> = {
  function(p) return "/" .. p end,
  function(p) return p .. "/" end,
  function(p) return p .. "//" end,
  function(p) return p .. "/." end,
  function(p) return p .. "/.." end,
  function(p) return "/." .. p end,
  function(p) return "/.." .. p end,
  function(p) return "/x/.." .. p end,
  function(p) return "/%2e%2e" .. p end,
  function(p) return "/x%2f.." .. p end,
  function(p) return "/x/..;" .. p end,
  function(p) return p .. "%2f" end,
  function(p) return p .. "%00" end,
  function(p) return p .. "%20" end,
  function(p) return p .. "%09" end,
  function(p) return p .. "%0d%0a" end,
  function(p) return p .. ";a=b" end,
  function(p) return p .. ".json" end,
  function(p) return p .. "." end,
  function(p) return p .. "%3fa" end,
  function(p) return p .. "%23a" end,
  function(p) return p .. "#a" end,
  function(p) return p .. "\\" end,
  function(p) return p .. "%5c" end,
  function(p) return p .. "%c0%af" end,
  function(p) return p .. "%" end,
  function(p) return p .. "~" end,
  function(p) return p:upper() end,
  function(p) return p:gsub("/v1/", "/V1/") end,
  function(p) return p:gsub("/v1/", "/v1//") end,
  function(p) return p:gsub("/v1/", "/v1/./") end,
  function(p) return p:gsub("/v1/", "/v1/x/../") end,
  function(p) return p:gsub("/v1/", "/v1%%2f") end,
  function(p) return p:gsub("/v1/", "/v%%31/") end,
  function(p) return p:gsub("/v1/", "/v1;/") end,
  function(p) return p:gsub("^/api", "/%%61pi") end,
  function(p) return p:gsub("^/api/", "/api\\") end,
  function(p) return p:gsub("^/", "") end,
  function(p) return "http://x" .. p end,
  function(p) return p:gsub("agent", "agent%%2dadmin") end,
}

describe("another spelling", function()
  local g, conn

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function status(method, path)
    conn = conn or connection.open(g.address)
    conn:send(("%s %s HTTP/1.1\r\nHost: x\r\n\r\n"):format(method, path))
    local response = assert(conn:receive(method))
    if response.closes then
      conn:close()
      conn = nil
    end
    return response.status
  end

  local function routes()
    local found = {}
    for path, methods in pairs(lyaml.load(gateway.read_file("docs/openapi.yaml")).paths) do
      for _, method in ipairs { "get", "post", "patch", "delete" } do
        if methods[method] and path:find("^/api/") then
          found[#found + 1] = { method:upper(), (path:gsub("{%w+}", "x")), path:find("}$") ~= nil }
        end
      end
    end
    return found
  end

  it("of a route's path leads to none", function()
    local list, tried = routes(), 0
    assert.is_true(#list >= 30)
    for _, route in ipairs(list) do
      local method, path, open = table.unpack(route)
      assert.is_true(status(method, path) == 401 or status(method, path) == 429, method .. " " .. path)
      for _, spell in ipairs(spellings) do
        local other = spell(path)
        -- A last part that is any text is another text, not another spelling.
        if other ~= path and not (open and other:match("^(.*)/") == path:match("^(.*)/")) then
          local got = status(method, other)
          assert.is_true(got == 400 or got == 404, ("%s %s: %d"):format(method, other, got))
          tried = tried + 1
        end
      end
    end
    assert.is_true(tried >= 200)
  end)
end)
