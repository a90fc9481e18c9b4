-- SPDX-License-Identifier: MIT
-- Decisions and audit rows are the same number of the same thing. OPP_LONG: over ten thousand mixed requests.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local generate = require "spec.support.generate"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

local count <const> = os.getenv("OPP_LONG") and 10000 or 1000
local batch <const> = 250

describe("every decision", function()
  local g, decisions, rows
  local undecided = 0 -- judged again too often, because the apps kept changing: the caller is to repeat it

  -- Reads of agents and everything that changes something are recorded, whatever became of it; manifests, looks at
  -- drafts and what people look at are not.
  local function is_recorded(request, who)
    local read = request.path:match("^/ledgers") or request.path:match("^/transactions")
    return request.method ~= "GET" or request.client == who.agent and read ~= nil
  end

  local function pool_of(agent)
    local pool = { app = { "app_none" }, key = { "key_none" }, draft = { "drf_none" }, preflight = { "pfl_none" } }
    for _ = 1, 4 do
      local app = g:app()
      table.insert(pool.app, app.app.id)
      table.insert(pool.key, app.key.id)
      table.insert(pool.draft, ledger.draft(agent.client, ledger.create()).id)
    end
    return pool
  end

  -- Every third is one that an honest agent would send.
  local function requests_of(make, agent)
    local requests = {}
    for i = 1, batch do
      requests[i] = make()
      if i % 3 == 0 then
        requests[i] = { client = agent, method = "POST", path = "/actions",
          json = ledger.create { execute = i % 2 == 0, idempotencyKey = i % 5 == 0 and ledger.unique("key") or nil } }
      end
    end
    return requests
  end

  setup(function()
    g = gateway.start { config = "limits: { pending_drafts_max: 1000000 }\n" } -- what is refused with 429 has no row
    local agent = g:open_app()
    local pool = pool_of(agent)
    local person = g:person("user_generated", { "reviewer", "operator", "owner" }, { "org_demo" })
    local who = { agent = agent.client, admin = person.client }
    local make = generate.requests(20261122, pool, who)
    decisions = {}
    for _ = 1, count // batch do
      local requests = requests_of(make, agent.client)
      for i, response in ipairs(http.parallel(who.agent, requests, 16)) do
        local request, decided = requests[i], response.body.code ~= "common.unavailable"
        undecided = undecided + (decided and 0 or 1)
        decisions[#decisions + 1] = { id = response.headers["x-request-id"], response = response,
          agent = request.client == who.agent, recorded = decided and is_recorded(request, who),
          what = request.method .. " " .. request.path }
      end
    end
    g:app() -- is on disk, and with it what was queued before
    rows = g:audit()
  end)
  teardown(function() gateway.stop(g) end)

  it("has its rows, the last of which says what was answered, and nothing else has", function()
    local of = {}
    for i = #rows, 1, -1 do
      local id = rows[i].request_id or ""
      of[id] = of[id] or {}
      table.insert(of[id], rows[i])
    end
    local executed = 0
    for _, decision in ipairs(decisions) do
      local mine, code = of[decision.id] or {}, decision.response.body.code
      assert.equal(decision.recorded, #mine > 0, decision.what .. " " .. decision.response.text:sub(1, 200))
      local last = mine[#mine]
      local denied = last and decision.response.body.data and decision.response.body.data.autoExecuteDeniedCode
      if last and last.action == "agent.action.auto_execute.requested" and type(denied) == "string" then
        assert.equal(denied, last.code, decision.what)
      elseif last then
        assert.equal(code, last.code, decision.what)
      end
      if last and last.action == "agent.action.execute" and last.status == "success" then executed = executed + 1 end
    end
    assert.is_true(undecided < count / 100, undecided .. " were not decided")
    assert.is_true(executed > count / 20, "hardly anything was executed: the requests test nothing")
  end)

  it("is one of a sequence without a gap", function()
    for i, row in ipairs(rows) do assert.equal(#rows - i + 1, row.seq) end
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("names the request, the policy that it was judged under, and the key or the person", function()
    local ours = {}
    for _, decision in ipairs(decisions) do ours[decision.id] = decision end
    local policy = check.ok(g.admin:get("/policies")).active
    for _, row in ipairs(rows) do
      local decision = ours[row.request_id]
      if decision then
        local generation, hash = row.policy_generation:match("^(%d+)%-(%x+)$")
        assert.same({ policy.generation, policy.sha256:sub(1, #hash) }, { tonumber(generation), hash })
        local by = decision.agent and row.key_id or row.performed_by_user_id
        assert.is_string(by, decision.what)
      end
    end
  end)
end)
