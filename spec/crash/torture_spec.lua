-- SPDX-License-Identifier: MIT
-- Allocations, files, syncs and connections that fail one by one under everything that a gateway does. OPP_SEED repeats
-- a run's choices.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

local sanitized <const> = gateway.program():find "[at]san" ~= nil
local long <const> = os.getenv "OPP_LONG"
local points <const> = long and 400 or sanitized and 16 or 40
local seed <const> = tonumber(os.getenv "OPP_SEED") or 20261122
local unknown_exit <const>, memory_exit <const> = 70, 87

describe("whatever fails", function()
  local g, plan_file, plans, app, keys, config

  setup(function()
    -- Without memory an answer may lack what docs/openapi.yaml says of it, such as the request's id.
    local function nothing() end
    http.observe { answer = nothing, event = nothing }
    math.randomseed(seed)
    plan_file, plans, keys = os.tmpname(), 0, {}
    gateway.write_file(plan_file, (" "):rep(64))
    config = os.tmpname()
    gateway.write_file(config, "limits: { pending_drafts_max: 100000 }\n")
    g = gateway.start { program = gateway.faulty_program(), environment = { "OPP_FAULT_PLAN=" .. plan_file },
      flags = { "--config", config } }
    app = g:open_app()
  end)
  teardown(function()
    gateway.stop(g)
    os.remove(plan_file)
    os.remove(config)
  end)

  -- The process has the file in its memory: it is written in place.
  local function plan(text)
    plans = plans + 1
    local number = ("%08d"):format(plans)
    local file = assert(io.open(plan_file, "r+b"))
    file:write(("%s%-48s%s"):format(number, text, number))
    file:close()
  end

  -- Some of these get one of their own, which is not part of the trial.
  local function draft() return ledger.draft(app.client, ledger.create()).id end

  local function execute(request)
    request.action = ledger.create { idempotencyKey = ledger.unique("torture"), execute = true }
    keys[#keys + 1] = request
    return { method = "POST", path = "/actions", json = request.action }
  end

  local function get(path) return function() return { method = "GET", path = path } end end

  -- What is asked, by agents or (with admin) by people.
  local scenarios = {
    { "reads", get "/transactions" },
    { "reads ledgers", get "/ledgers" },
    { "the manifest", get "/manifest" },
    { "the drafts", get "/drafts" },
    { "a preflight", function()
      local action = ledger.create()
      return { method = "POST", path = "/preflight", json = { action = action.action, payload = action.payload } }
    end },
    { "a draft", function() return { method = "POST", path = "/actions", json = ledger.create() } end },
    { "an execution", execute },
    { "another execution", execute },
    { "a replay", function() return { method = "POST", path = "/actions", json = keys[#keys].action } end },
    { "a draft's state", function() return { method = "GET", path = "/drafts/" .. draft() } end },
    { "an approval", function()
      return { method = "POST", path = ("/drafts/%s/approve"):format(draft()), admin = true }
    end },
    { "a rejection", function()
      return { method = "POST", path = ("/drafts/%s/reject"):format(draft()), admin = true }
    end },
    { "an app", function()
      return { method = "POST", path = "/apps", admin = true,
        json = { scope = "workspace", name = "T", org_id = "org_demo", scopes = gateway.scopes } }
    end },
    { "an app's policy", function()
      return { method = "PATCH", path = ("/apps/%s/policy"):format(app.app.id), admin = true,
        json = { data = { max_days = math.random(3000) } } }
    end },
    { "a key", function()
      return { method = "POST", path = ("/apps/%s/keys"):format(app.app.id), admin = true, json = { name = "k" } }
    end },
    { "the list of apps", function() return { method = "GET", path = "/apps", admin = true } end },
    { "the trail", function() return { method = "GET", path = "/audit", admin = true } end },
    { "the check of the trail", function() return { method = "GET", path = "/audit/verify", admin = true } end },
    { "the policies", function() return { method = "GET", path = "/policies", admin = true } end },
    { "a reload", function() return { method = "POST", path = "/policies/reload", admin = true } end },
    { "a token", function()
      return { method = "POST", path = "/tokens", admin = true,
        json = { user_id = "u", name = "n", roles = { "viewer" } } }
    end },
  }

  local function choose()
    local kind = math.random(10)
    if kind <= 7 then
      return ("alloc:%d:eio"):format(math.random(250))
    elseif kind == 8 then
      return ("write:%d:%s"):format(math.random(8), math.random(2) == 1 and "eio" or "full")
    elseif kind == 9 then
      return ("sync:%d:eio"):format(math.random(3))
    end
    return "accept:1:eio"
  end

  -- Asks on a connection of its own; nil: it was not answered.
  local function ask(request)
    local client = request.admin and g.admin or g:agent_client(app.token)
    local ok, pending_answer = pcall(client.start, client, request)
    return ok and pending_answer:finish(5) or nil
  end

  -- Whether the gateway is there and works; one that cannot load what it must not guess waits to be started anew.
  local function works()
    local ok, answer = pcall(function() return g:client(""):get("/readyz") end)
    return ok and answer.status == 200
  end

  -- A commit that the disk did not confirm; or a library that cannot go on without memory, as docs/operations.md says.
  local function may_end(chosen)
    return chosen:find("alloc", 1, true) and memory_exit or unknown_exit
  end

  local function recover(chosen)
    plan("alloc:0:none")
    g.admin:close()
    app.client:close()
    local code = gateway.read_file(g.dir .. "/exit")
    if code then
      assert(tonumber(code) == may_end(chosen), ("exit %s\n%s"):format(code, g:log():sub(-4000)))
      g:await_end()
      g:restart()
    elseif not works() then
      g:restart()
      return 1
    end
    return 0
  end

  it("there is no crash, and nothing acknowledged that is not there", function()
    local refused, restarts = 0, 0
    for _, scenario in ipairs(scenarios) do
      for _ = 1, points do
        local chosen, holder = choose(), {}
        local request = scenario[2](holder)
        plan(chosen)
        local answer = ask(request)
        holder.done = answer and answer.status == 200 and answer.body.data
        refused = refused + ((not answer or answer.status >= 500) and 1 or 0)
        local ok, problem = pcall(recover, chosen)
        assert(ok, ("OPP_SEED=%d, %s with %s: %s"):format(seed, scenario[1], chosen, tostring(problem)))
        restarts = restarts + problem
      end
      check.ok(app.client:get("/manifest"))
    end
    g:restart()
    for _, key in ipairs(keys) do
      local rows = db.rows(g.data .. "/ledger.db", "SELECT id FROM transactions WHERE title = :title",
        { title = key.action.payload.title })
      assert(#rows <= 1 and (#rows == 1 or not key.done or key.done.status ~= "executed"), key.action.payload.title)
    end
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    assert(refused > 2 * #scenarios, refused .. " were refused")
    if long then
      print(("%d scenarios, %d points each: %d not answered with success, %d restarts"):format(#scenarios, points,
        refused, restarts))
    end
  end)
end)
