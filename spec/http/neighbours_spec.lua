-- SPDX-License-Identifier: MIT
-- Who shares a gateway with an app whose rules spend all they may hardly notices.
local check = require "spec.support.check"
local http = require "spec.support.http"
local policies = require "spec.support.policies"
local socket = require "socket"

local seconds <const> = 20

describe("the neighbours of hostile rules", function()
  local g, victim, hostile

  setup(function()
    g = policies.start()
    victim, hostile = g:app { name = "Victim" }, g:app { name = "Hostile" }
    g:in_force(([[{ name = "spends", tools = { "*" }, decide = function(request)
      if request.app.id == "%s" then while true do end end
    end }]]):format(hostile.app.id))
  end)
  teardown(function() policies.stop(g) end)

  -- Reads as fast as they are answered, one after the other; ten times a second another job may run. Gives the 99th
  -- percentile of the reads in milliseconds.
  local function p99_ms(ten_times_a_second)
    local times, ends, next_at = {}, socket.gettime() + seconds, 0
    while socket.gettime() < ends do
      if ten_times_a_second and socket.gettime() >= next_at then
        next_at = socket.gettime() + 0.1
        ten_times_a_second()
      end
      local began = socket.gettime()
      check.ok(victim.client:get("/ledgers"))
      times[#times + 1] = (socket.gettime() - began) * 1000
    end
    table.sort(times)
    assert(#times > 100, "hardly anything was asked")
    return times[math.ceil(#times * 0.99)]
  end

  it("are answered at most 25 ms later at their 99th percentile, and without an error", function()
    if not os.getenv "OPP_LONG" then
      return pending("long: needs a quiet machine")
    end
    local alone = p99_ms()
    local waiting
    local together = p99_ms(function()
      if waiting then
        check.refused(assert(waiting:finish(10)), 403, "agent.policy_denied")
      end
      waiting = hostile.client:start { method = "GET", path = "/ledgers" }
    end)
    check.refused(assert(waiting:finish(10)), 403, "agent.policy_denied")
    assert.is_true(together <= alone + 25, ("%.1f ms alone, %.1f ms together"):format(alone, together))
  end)

  it("are answered as ever while a hundred of its requests are denied", function()
    local requests = {}
    for i = 1, 100 do
      requests[i] = { client = i % 2 == 0 and hostile.client or victim.client, method = "GET", path = "/ledgers" }
    end
    for i, response in ipairs(http.parallel(g.agent, requests, 8)) do
      if i % 2 == 0 then
        check.refused(response, 403, "agent.policy_denied")
      else
        check.ok(response)
      end
    end
  end)
end)
