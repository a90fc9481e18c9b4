-- SPDX-License-Identifier: MIT
-- A gateway whose adapter "shop" a spec writes as it goes.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"

local adapters = {}

adapters.scopes = { "shop.read", "shop.write" }

local files <const> = {}

files["001.sql"] = [[
CREATE TABLE goods (id TEXT PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL, org_id TEXT NOT NULL) STRICT;
]]

files["seed.sql"] = [[
INSERT INTO goods VALUES ('tea', 'Tea', 5, 'org_demo'), ('pan', 'Pan', 30, 'org_demo'), ('far', 'Far', 1, 'org_x');
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20)
  INSERT INTO goods SELECT 'g' || i, 'Good ' || i, 100, 'org_demo' FROM n;
]]

files["tools/list.lua"] = [[
return {
  name = "good.list", kind = "read", scopes = { "shop.read" }, description = "List goods.",
  http = { method = "GET", path = "/goods" },
  output = { type = "object", properties = { items = { type = "array", items = { type = "object",
    properties = { id = { type = "string" }, name = { type = "string" }, price = { type = "integer" } } } } } },
  rows = { kind = "good", id = "id", org_id = "org_id" },
  read = function(call)
    local wanted = { org_id = call.boundary.org_id }
    return { items = call.sql("shop"):rows(
      "SELECT id, name, price, org_id FROM goods WHERE org_id = :org_id ORDER BY id", wanted) }
  end,
}
]]

files["tools/price.lua"] = [[
return {
  name = "good.price", kind = "action", risk = "medium", scopes = { "shop.write" }, description = "Change a price.",
  input = { type = "object", required = { "goodId", "price" }, additionalProperties = false,
    properties = { goodId = { type = "string" }, price = { type = "integer", minimum = 0 } } },
  load = function(call)
    return call.sql("shop"):row("SELECT id, name, price, org_id FROM goods WHERE id = :id",
      { id = call.payload.goodId })
  end,
  resources = function(_, good) return { { kind = "good", id = good.id, org_id = good.org_id } } end,
  impact = function(call, good)
    return { summary = "Price of " .. good.name, from = good.price, to = call.payload.price }
  end,
  state = function(_, good) return { id = good.id, price = good.price } end,
  execute = function(call, good)
    return sql.effect { database = "shop",
      { "UPDATE goods SET price = :price WHERE id = :id RETURNING id, price",
        { id = good.id, price = call.payload.price }, affects = 1, as = "row" },
      result = { good = from.row } }
  end,
}
]]

files["init.lua"] = [[
return {
  name = "shop", description = "A shop.",
  databases = { shop = { file = "shop.db", migrations = { "001.sql" }, demo = "seed.sql" } },
  tools = { require "tools.list", require "tools.price" },
}
]]

adapters.files = files

-- Gives a file with the first occurrence of a text, which must be in it, replaced.
function adapters.changed(name, from, to)
  local first, last = files[name]:find(from, 1, true)
  assert(first, "not in " .. name .. ": " .. from)
  return files[name]:sub(1, first - 1) .. to .. files[name]:sub(last + 1)
end

-- Starts one. It has besides what gateways have: g:write(name, text) and g:remove(name) for a file of the adapter,
-- g:restore() for all files as they were, g:reload() for the answer, and g:in_force() that asks that it was a success
-- and gives what is active; g:approve(draft) gives the answer. Its profile, "mine" in g.policies, has no rules.
function adapters.start(options)
  local dir = gateway.make_dir()
  local g = { shop = dir .. "/shop" }

  local function write(name, text)
    os.execute(("mkdir -p '%s'"):format((g.shop .. "/" .. name):match("^(.*)/")))
    gateway.write_file(g.shop .. "/" .. name, text)
  end

  for name, text in pairs(files) do write(name, text) end
  os.execute(("mkdir -p '%s/mine'"):format(dir .. ".policies"))
  gateway.write_file(dir .. ".policies/mine/profile.lua", "return { description = 'A test.' }\n")
  local settings = { adapters = dir, policies = dir .. ".policies", flags = { "--profile", "mine" } }
  for name, value in pairs(options or {}) do settings[name] = value end
  g = gateway.start(settings)
  g.adapters_dir, g.shop, g.policies = dir, dir .. "/shop", dir .. ".policies"

  function g.write(_, name, text) write(name, text) end

  function g:remove(name) assert(os.remove(self.shop .. "/" .. name)) end

  function g:restore()
    os.execute(("rm -rf '%s'"):format(self.shop))
    for name, text in pairs(files) do write(name, text) end
  end

  function g:reload() return self.admin:post("/policies/reload") end

  function g:approve(draft)
    self.reviewer = self.reviewer or self:person("reviewer_of_goods", { "reviewer" })
    return self.reviewer.client:post("/drafts/" .. draft.id .. "/approve", {})
  end

  function g:in_force() return check.ok(self:reload()).active end

  return g
end

function adapters.stop(g)
  gateway.stop(g)
  if g then os.execute(("rm -rf '%s' '%s'"):format(g.adapters_dir, g.policies)) end
end

return adapters
