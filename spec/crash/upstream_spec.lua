-- SPDX-License-Identifier: MIT
-- The gateway or the system that it speaks to ends at a step around an effect's request: that is sent at most once, and
-- the next start knows what became of it, or says that it does not. OPP_LONG: 200 rounds of each point, not one.
local check = require "spec.support.check"
local crm = require "spec.support.crm"
local gateway = require "spec.support.gateway"
local socket = require "socket"

local crash_exit <const> = 86
local rounds <const> = tonumber(os.getenv "OPP_ROUNDS") or os.getenv "OPP_LONG" and 200 or 1
local visible_s <const> = 5

-- Where the gateway ends; and whether the effect has happened then: yes, no, or as it comes.
local points <const> = {
  { "claim.written", false }, { "claim.committed", false }, { "effect.unsent", false }, { "effect.sending" },
  { "effect.answered", true }, { "effect.committed", true }, { "outcome.written", true }, { "outcome.committed", true },
}

-- What the system does with the request meanwhile, and with the question what became of it.
local systems <const> = {
  { "that answers", {} }, { "that goes before the effect", { before = "close" } },
  { "that goes after the effect", { after = "close" } }, { "that fails after the effect", { after = 500 } },
}

local describe_points = gateway.has_crash_points() and describe or pending

describe_points("a request to a system", function()
  local up

  setup(function() up = crm.start() end)
  teardown(function() crm.stop(up) end)

  local function status_of(action)
    local id, status = up:effect_id(action.idempotencyKey)
    return status, id
  end

  local function applied(action)
    local status, id = status_of(action)
    return id and select(2, up:counts(id)) == 1, status
  end

  -- Executes an action in a process that ends at this point, and starts it again; gives the action.
  local function crash(point, mode)
    local action = crm.cancel()
    up:mode {}
    up.g:restart("OPP_CRASH_AT=" .. point)
    up:mode(mode)
    local answer = up.agent:start({ method = "POST", path = "/actions", json = action }):finish()
    if answer then -- it did not come to this point
      up.g:terminate()
    else
      assert.equal(crash_exit, up.g:await_end())
    end
    up:mode {}
    local began = socket.gettime()
    up.g:restart()
    assert.not_equal("pending", status_of(action))
    assert(socket.gettime() - began < visible_s, "it took too long to say so")
    return action
  end

  -- What is unknown is known when its receipt has settled, and then it is what the system has done.
  local function settles(action, point)
    gateway.eventually("it is known what became of it", function() return status_of(action) ~= "unknown" end)
    local happened, status = applied(action)
    if status then assert.equal(happened and "success" or "failed", status, point) end
  end

  for _, point in ipairs(points) do
    local name <const>, expected <const> = point[1], point[2]
    it("is sent at most once when the process ends at " .. name, function()
      for _ = 1, rounds do
        local action = crash(name, {})
        local happened, status = applied(action)
        if expected == true then
          assert.same({ true, "success" }, { happened, status })
        elseif expected == false then
          assert.is_false(happened or false)
        end
        settles(action, name)
        up:assert_once()
        local again = check.ok(up.agent:post("/actions", action))
        assert.equal("success", again.execution.status)
        assert.equal(happened or false, again.replayed or false)
        up:assert_once()
      end
    end)
  end

  for i = 2, #systems do
    local about <const>, mode <const> = systems[i][1], systems[i][2]
    it("is sent at most once to a system " .. about .. ", when the process ends before it knows", function()
      for _ = 1, rounds do
        for _, point in ipairs { "effect.sending", "effect.answered" } do
          settles(crash(point, mode), point)
          up:assert_once()
        end
      end
    end)
  end

  it("that nobody can ask about is unknown at the next start, soon, and is not sent again", function()
    local action = crm.cancel()
    up.g:restart("OPP_CRASH_AT=effect.answered")
    up:mode {}
    assert.is_nil(up.agent:start({ method = "POST", path = "/actions", json = action }):finish())
    assert.equal(crash_exit, up.g:await_end())
    for _, receipt in ipairs { "hang", 500 } do
      up:mode { receipt = receipt }
      local took = up.g:restart()
      assert(took < visible_s, ("it was ready after %.2f s"):format(took))
      assert.equal("unknown", (status_of(action)))
      check.refused(up.agent:post("/actions", action), 504, "agent.execution_unknown")
    end
    up:mode {}
    settles(action, "at last")
    assert.equal("success", (status_of(action)))
    up:assert_once()
  end)

  it("stays unknown while its system is said to be elsewhere: a receipt that is not there proves nothing", function()
    local action = crm.cancel()
    up.g:restart("OPP_CRASH_AT=effect.answered")
    assert.is_nil(up.agent:start({ method = "POST", path = "/actions", json = action }):finish())
    assert.equal(crash_exit, up.g:await_end())
    up:config "/elsewhere"
    up.g:restart()
    assert.equal("unknown", (status_of(action)))
    assert.matches("has another base URL by now", up.g:log(), 1, true)
    up:config()
    up.g:restart()
    assert.equal("success", (status_of(action)))
  end)

  it("whose receipt a function reads is known at the next start", function()
    for _, expected in ipairs { "success", "failed" } do
      local action = crm.ship()
      up.g:restart("OPP_CRASH_AT=" .. (expected == "success" and "effect.answered" or "effect.unsent"))
      assert.is_nil(up.agent:start({ method = "POST", path = "/actions", json = action }):finish())
      assert.equal(crash_exit, up.g:await_end())
      up.g:restart()
      settles(action, "read by a function")
      assert.equal(expected, (status_of(action)))
    end
  end)

  it("has one effect at most for each of many, when the process is killed at any time", function()
    for _ = 1, rounds * 3 do
      local actions, waiting = {}, {}
      for i = 1, 20 do
        actions[i] = crm.cancel()
        waiting[i] = up.agent:start { method = "POST", path = "/actions", json = actions[i] }
      end
      up.g:kill_after(0.002 + 0.06 * math.random())
      local answered = {}
      for i = 1, 20 do
        local ok, response = pcall(waiting[i].finish, waiting[i])
        answered[i] = ok and response and response.status == 200
      end
      up.g:await_end()
      up.g:restart()
      for i, action in ipairs(actions) do
        settles(action, "killed")
        assert.is_true(not answered[i] or status_of(action) == "success")
      end
      up:assert_once()
    end
  end)
end)
