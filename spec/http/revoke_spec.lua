-- SPDX-License-Identifier: MIT
-- Once a revocation was answered, nothing of the key goes through any more: no request, no approval, no claim.
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"

local requests <const> = os.getenv "OPP_LONG" and 10000 or 1200
local connections <const> = 8

describe("a key that was revoked", function()
  local g

  setup(function() g = gateway.start { config = "limits: { auth_failures_per_minute: 1000000 }\n" } end)
  teardown(function() gateway.stop(g) end)

  local function ask(app, i)
    if i % 3 == 0 then
      return ledger.request(ledger.create { execute = true })
    end
    return { method = "GET", path = i % 3 == 1 and "/transactions" or "/manifest" }, app
  end

  it("gets nothing done from the answer on, by any connection and worker", function()
    local app, revoked, succeeded, refused = g:open_app(), false, 0, 0
    local pending = ledger.draft(app.client, ledger.create())
    local jobs = {}
    for n = 1, connections do
      jobs[n] = function()
        local conn = connection.open(g.address, coroutine.yield)
        for i = 1, requests // connections do
          local after = revoked
          local answer = app.client:over(conn, (ask(app, i)))
          if not answer then -- a stranger's body is refused before it comes, and the connection closed
            conn = connection.open(g.address, coroutine.yield)
          else
            assert(not after or answer.status == 401, answer.text)
            succeeded = succeeded + (answer.status == 200 and 1 or 0)
            refused = refused + (answer.status == 401 and 1 or 0)
          end
        end
        conn:close()
      end
    end
    jobs[#jobs + 1] = function()
      local conn = connection.open(g.address, coroutine.yield)
      for _ = 1, 3 do
        check.ok(assert(g.admin:over(conn, { method = "GET", path = "/whoami" })))
      end
      check.ok(assert(g.admin:over(conn, { method = "POST", path = "/keys/" .. app.key.id .. "/revoke" })))
      revoked = true
      conn:close()
    end
    http.run(jobs)
    assert(succeeded > 0 and refused > requests // 4, ("%d and %d"):format(succeeded, refused))
    check.refused(g.admin:post("/drafts/" .. pending.id .. "/approve"), 400, "agent.draft_already_final")
    assert.equal(0, ledger.count(g:app().client, pending.payload.title))
  end)
end)
