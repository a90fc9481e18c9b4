-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local generate = require "spec.support.generate"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local seed <const> = math.tointeger(tonumber(os.getenv("OPP_SEED") or 20261122))
local count <const> = math.tointeger(tonumber(os.getenv("OPP_GENERATED") or 10000))
local batch <const> = 500

describe("ten thousand requests that nobody would write", function()
  local g, pool, who

  setup(function()
    g = gateway.start()
    local foreign = g:open_app { name = "Foreign secret name", org_id = "org_other" }
    local foreign_draft = ledger.draft(foreign.client,
      ledger.create({ justification = "Foreign secret reason" }, { ledgerId = "ledger_other" }))
    pool = { app = { "app_none", foreign.app.id }, key = { "key_none", foreign.key.id },
      draft = { "drf_none", foreign_draft.id }, preflight = { "pfl_none" } }
    local agent = g:open_app { name = "Generated agent" }
    for _ = 1, 4 do
      local app = g:app { name = "Generated" }
      table.insert(pool.app, app.app.id)
      table.insert(pool.key, app.key.id)
      table.insert(pool.draft, ledger.draft(agent.client, ledger.create()).id)
    end
    local flight = ledger.create()
    flight.justification = nil
    table.insert(pool.preflight, check.ok(agent.client:post("/preflight", flight)).preflightId)
    local person = g:person("user_generated", { "reviewer", "operator", "owner" }, { "org_demo" })
    who = { agent = agent.client, admin = person.client }
  end)
  teardown(function() gateway.stop(g) end)

  -- Says what is wrong with an answer, or nil.
  local function problem(response)
    if response.status >= 500 then
      return "a failure of the gateway"
    end
    local fine, what = pcall(check.envelope, response)
    if not fine then
      return what
    end
    for _, secret in ipairs { "Confidential of another tenant", "Not for org_demo", "Groceries", "Foreign secret" } do
      if response.text:find(secret, 1, true) then
        return "another tenant's " .. secret
      end
    end
  end

  local function describe_failure(request)
    local small = generate.shrink(request, function(candidate)
      return problem(candidate.client:request(candidate)) ~= nil
    end)
    local response = small.client:request(small)
    return ("seed %d: %s %s %s %s\n%s\n%d %s"):format(seed, small.method, small.path, json.encode(small.query or {}),
      small.json ~= nil and json.encode(small.json) or "", problem(response) or "(only once)", response.status,
      response.text:sub(1, 2000))
  end

  it("get an envelope each, never a failure and never a byte of another tenant", function()
    local make, statuses = generate.requests(seed, pool, who), {}
    for _ = 1, count // batch do
      local requests = {}
      for i = 1, batch do requests[i] = make() end
      for i, response in ipairs(http.parallel(who.agent, requests, 16)) do
        if problem(response) then
          error(problem(response) .. "\n" .. describe_failure(requests[i]), 0)
        end
        statuses[response.status] = (statuses[response.status] or 0) + 1
      end
    end
    assert.is_true(statuses[200] > count / 50, "hardly anything was right: the requests test nothing")
    assert.is_true(statuses[400] > count / 50, "hardly anything was wrong: the requests test nothing")
  end)

  it("leave the gateway as sound as before", function()
    check.ok(who.agent:get("/manifest"))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    assert.equal("draft", check.ok(g.admin:get("/drafts/" .. pool.draft[2])).draft.status)
  end)
end)
