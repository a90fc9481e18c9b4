-- SPDX-License-Identifier: MIT
local gateway = require "spec.support.gateway"
local policies = require "spec.support.policies"

-- Low enough for the kit to reach, high enough for it not to wait elsewhere.
local rate_limit <const> = 500

describe("the conformance kit", function()
  local g

  setup(function() g = gateway.start { rate_limit = rate_limit } end)
  teardown(function() gateway.stop(g) end)

  -- Runs it with these variables and nothing else of the kit's; gives its TAP output and exit code.
  local function run(variables, server)
    local words = { "env", "-u OPP_FIXTURE", "-u OPP_PROFILES", "-u OPP_ADMIN_USER", "-u OPP_REVIEWER_TOKEN" }
    for name, value in pairs(variables) do
      words[#words + 1] = ("%s='%s'"):format(name, value)
    end
    words[#words + 1] = "timeout 250 ./dev conformance " .. (server or g).base_url .. " -o TAP 2>&1 </dev/null"
    local pipe = assert(io.popen(table.concat(words, " ")))
    local output = pipe:read("a")
    local _, _, code = pipe:close()
    return output, code
  end

  -- Gives how many lines of TAP begin so.
  local function lines(output, start)
    local count = 0
    for line in output:gmatch("[^\n]+") do
      count = count + (line:sub(1, #start) == start and 1 or 0)
    end
    return count
  end

  -- Gives how many tests were skipped, and the first line that does not say why.
  local function skipped(output)
    local count, odd = 0, nil
    for reason in output:gmatch("\nok %d+ %- # SKIP ([^\n]*)") do
      count = count + 1
      odd = odd or not reason:find("skipped: %l") and reason or nil
    end
    return count, odd
  end

  local function everything(server)
    local credentials = (server or g).credentials
    return { OPP_AGENT_TOKEN = credentials.agent_token, OPP_ADMIN_TOKEN = credentials.admin_token,
      OPP_APP_ID = credentials.app_id, OPP_RATE_LIMIT = rate_limit }
  end

  local function results(output)
    local found = {}
    for line in output:gmatch "[^\n]+" do
      local verdict, name = line:match "^(%l[%l ]*k) %d+ %- (.*)"
      found[#found + 1] = verdict and verdict .. " " .. name
    end
    table.sort(found) -- some tests are made from tables, in any order
    return found
  end

  it("passes in all profiles, skips nothing, leaves nothing behind: as without a single rule", function()
    local output, code = run(everything())
    local bare <close> = setmetatable({ gateway = policies.start { rate_limit = rate_limit } },
      { __close = function(self) policies.stop(self.gateway) end })
    local without = run(everything(bare.gateway), bare.gateway)
    assert.equal("default", g.admin:get("/policies").body.data.active.profile)
    assert.is_true(#results(output) > 50)
    assert.same(results(without), results(output))
    assert.equal(0, code, output)
    assert.equal(0, lines(output, "not ok"), output)
    assert.equal(0, skipped(output), output)
    for _, profile in ipairs { "core", "authz", "writes", "abuse", "state-witness" } do
      assert.is_truthy(output:find("\nok %d+ %- #" .. profile:gsub("%-", "%%-") .. " "), profile)
    end
    assert.equal(1, #g.admin:get("/apps", { limit = 500 }).body.data.items)
    assert.equal(0, g.agent:get("/transactions", { startDate = "2099-01-01", endDate = "2099-01-01" }).body.data.total)
  end)

  it("runs the profiles that are named", function()
    local variables = everything()
    variables.OPP_PROFILES = "core,state-witness"
    local output, code = run(variables)
    assert.equal(0, code, output)
    assert.is_truthy(output:find("#core", 1, true))
    assert.is_truthy(output:find("#state-witness", 1, true))
    assert.is_nil(output:find("#writes", 1, true))
    variables.OPP_PROFILES = "core,poetry"
    output, code = run(variables)
    assert.is_truthy(output:find("poetry", 1, true))
    assert.equal(1, code)
  end)

  it("says what an agent's token alone cannot test", function()
    local output, code = run { OPP_AGENT_TOKEN = g.credentials.agent_token, OPP_PROFILES = "core writes abuse" }
    assert.equal(0, code, output)
    local count, odd = skipped(output)
    assert.is_true(count > 0)
    assert.is_nil(odd)
    assert.is_true(lines(output, "ok") - count > 30, output)
  end)

  it("uses the tools that a fixture names, and skips what they cannot show", function()
    local path = g:file("fixture.json")
    gateway.write_file(path, [[{
      "app": {"scope": "personal", "user_id": "user_demo"},
      "scopes": ["transaction.read", "transaction.write"],
      "create": {"action": "transaction.create", "payload":
        {"ledgerId": "ledger_home", "kind": "income", "title": "{{word}}", "amount_home": 1}}
    }]])
    local variables = everything()
    variables.OPP_FIXTURE, variables.OPP_PROFILES = path, "core,abuse,state-witness"
    local output, code = run(variables)
    assert.equal(0, code, output)
    assert.is_truthy(output:find("skipped: the fixture has no effect", 1, true))
    assert.is_truthy(output:find("skipped: the fixture has no made_id", 1, true))
    assert.is_true(lines(output, "ok") - skipped(output) > 30, output)
  end)

  it("fails where the server does not keep a promise", function()
    local variables = everything()
    variables.OPP_APP_ID, variables.OPP_PROFILES = "app_of_somebody_else", "core"
    local output, code = run(variables)
    assert.equal(1, code, output)
    assert.equal(1, lines(output, "not ok"), output)
  end)
end)
