-- SPDX-License-Identifier: MIT
-- Reloading again and again while agents are at work.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local policies = require "spec.support.policies"

local long <const> = os.getenv "OPP_LONG" ~= nil
local rounds <const> = long and 1000 or 100
local rate <const> = long and 500 or 50 -- requests a second of the agent in the background

describe("reloading under load", function()
  local g

  setup(function() g = policies.start() end)
  teardown(function() policies.stop(g) end)

  local broken = {
    "return {\n  { name = 'x',\n}\n",
    "return {\n  { name = 'x', tools = { 'no.such' }, decide = function() end },\n}\n",
    "return {\n  { name = 'x', tools = { '*' }, decide = function() return denyy('x') end },\n}\n",
    "return {\n  { name = 'x', tools = { '*' }, decide = function() end,\n" ..
      "    tests = { { expect = { 'deny' } } } },\n}\n",
    "while true do end\n",
    "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) end return {}\n",
  }

  local function rule(round)
    return ([[return { { name = "round", tools = { "transaction.create" }, decide = function()
      return deny("Round %d.") end } }
]]):format(round)
  end

  local function ask()
    local requests = {}
    for i = 1, 6 do
      requests[2 * i - 1] = ledger.request(ledger.create())
      requests[2 * i] = { method = "GET", path = "/ledgers" }
    end
    return http.parallel(g.agent, requests, 6)
  end

  local function resident_kib()
    return tonumber(gateway.read_file("/proc/" .. g.pid .. "/status"):match("VmRSS:%s*(%d+)"))
  end

  local function expect_round(round)
    for i, response in ipairs(ask()) do
      if i % 2 == 1 then
        check.refused(response, 403, "agent.policy_denied")
        assert.equal(("Round %d."):format(round), response.body.message)
      else
        check.ok(response)
      end
    end
  end

  local function run(first, last)
    local current = first
    check.ok(g:rules(rule(first)))
    for round = first + 1, last do
      if round % 10 == 0 then
        local details = check.refused(g:rules(broken[round // 10 % #broken + 1]), 400, "common.validation")
        assert.is_truthy(details.issues[1].file:find("10-rules.lua", 1, true))
        assert.is_true(details.issues[1].line >= 0 and #details.issues[1].message > 0)
      else
        check.ok(g:rules(rule(round)))
        current = round
      end
      expect_round(current)
    end
  end

  -- Does so while an agent of another process is at work; gives what it says in the end.
  local function under_load(work)
    local stop, result = g:file("stop"), g:file("result")
    os.execute(("lua5.4 spec/support/load.lua %s %s %d %s %s >/dev/null 2>>%s &"):format(g.base_url,
      g.credentials.agent_token, rate, stop, result, g:file("load.log")))
    local fine, problem = pcall(work)
    gateway.write_file(stop, "")
    local told = gateway.eventually("the agent in the background says what it saw", function()
      return gateway.read_file(result)
    end)
    os.remove(stop)
    os.remove(result)
    assert(fine, problem)
    return json.decode(told)
  end

  it("answers every request under the rules in force, a tenth of the files being broken", function()
    check.ok(g:rules(rule(0)))
    local told = under_load(function() run(0, rounds) end)
    assert.same({ 0, "" }, { told.wrong, told.first })
    assert.is_true(told.asked >= rate)
  end)

  -- A sanitizer keeps what was freed.
  local function sanitized()
    return gateway.read_file("/proc/" .. g.pid .. "/maps"):find("lib[at]san") ~= nil
  end

  it("grows no memory", function()
    if sanitized() then return end
    run(1000, 1000 + rounds // 4)
    local before = resident_kib()
    run(2000, 2000 + rounds)
    local grown = resident_kib() - before
    assert.is_true(grown < 4096, grown .. " KiB")
  end)

  it("numbers the generations without a gap", function()
    local before = check.ok(g.admin:get("/policies")).active.generation
    check.refused(g:rules(broken[1]), 400, "common.validation")
    check.ok(g:rules(rule(1)))
    assert.equal(before + 1, check.ok(g.admin:get("/policies")).active.generation)
  end)

  it("is one at a time: who comes second is told to try again, or comes after", function()
    local requests = {}
    for i = 1, 8 do requests[i] = { method = "POST", path = "/policies/reload" } end
    local done = 0
    for _, response in ipairs(http.parallel(g.admin, requests, 8)) do
      if response.status ~= 503 then
        check.ok(response)
        done = done + 1
      end
    end
    assert.is_true(done >= 1)
    check.ok(g.admin:post("/policies/reload"))
  end)

  it("names the file that cannot be read", function()
    local mine = g.policies .. "/mine/"
    local function refused(command, name)
      os.execute(command)
      local issue = check.refused(g.admin:post("/policies/reload"), 400, "common.validation").issues[1]
      os.execute(("cd '%s' && rm -rf -- x* lib/x*"):format(mine))
      assert.same({ name, 0 }, { issue.file, issue.line })
      assert.is_true(#issue.message > 0)
    end
    refused(("mkdir '%sx.lua'"):format(mine), "mine/x.lua")
    refused(("ln -s nowhere '%sx.lua'"):format(mine), "mine/x.lua")
    refused(("mkdir -p '%slib' && ln -s nowhere '%slib/x.lua'"):format(mine, mine), "mine/lib/x.lua")
    refused(("head -c 70000 /dev/zero | tr '\\0' - >'%sx.lua'"):format(mine), "mine/x.lua")
    refused(("touch '%sx\xff.lua'"):format(mine), "mine")
    check.ok(g:rules(rule(2)))
  end)

  it("is audited with who asked, also when it fails", function()
    local ok = g:rules(rule(7))
    local row = assert(check.find(g:audit(), { request_id = ok.headers["x-request-id"] }))
    assert.same({ "policy.reload", "success", "owner" }, { row.action, row.status, row.performed_by_user_id })
    local failed = g:rules(broken[1])
    row = assert(check.find(g:audit(), { request_id = failed.headers["x-request-id"] }))
    assert.same({ "policy.reload", "failed" }, { row.action, row.status })
    check.ok(g:rules(rule(8)))
  end)
end)
