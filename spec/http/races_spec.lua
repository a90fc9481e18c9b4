-- SPDX-License-Identifier: MIT
-- Many at once about one draft, one key, one state: one outcome each, whoever comes first. OPP_LONG: ten times as many.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local ledger = require "spec.support.ledger"
local socket = require "socket"

local sanitized <const> = gateway.program():find "[at]san" ~= nil
local long <const> = os.getenv "OPP_LONG"
local races_max <const> = long and 10000 or sanitized and 200 or 1000
local keys_max <const> = long and 1000 or sanitized and 20 or 100
local batch <const> = 50

describe("a race", function()
  local g, app, people

  setup(function()
    g = gateway.start { config = "lifetimes: { draft_lifetime_seconds: 2 }\n" }
    app = g:open_app()
    people = { g:person("user_first", { "reviewer" }), g:person("user_first", { "reviewer" }),
      g:person("user_second", { "reviewer" }) }
    math.randomseed(tonumber(os.getenv "OPP_SEED") or 20261122)
  end)
  teardown(function() gateway.stop(g) end)

  local function count(file, sql, params)
    return db.rows(g.data .. "/" .. file, sql, params)
  end

  -- How many transactions there are of each title.
  local function effects()
    local counts = {}
    for _, row in ipairs(count("ledger.db", "SELECT title, count(*) AS n FROM transactions GROUP BY title")) do
      counts[row.title] = row.n
    end
    return counts
  end

  local function shuffled(list)
    for i = #list, 2, -1 do
      local j = math.random(i)
      list[i], list[j] = list[j], list[i]
    end
    return list
  end

  -- Five who want something of one draft: two people, one of them with two tokens, and its agent.
  local function rivals(draft, action)
    local path = "/drafts/" .. draft.id
    local execute = { idempotencyKey = action.idempotencyKey, action = action.action, payload = action.payload,
      execute = true }
    return shuffled {
      { client = people[1].client, method = "POST", path = path .. "/approve" },
      { client = people[2].client, method = "POST", path = path .. "/approve" },
      { client = people[3].client, method = "POST", path = path .. "/reject" },
      { client = app.client, method = "POST", path = path .. "/cancel" },
      ledger.request(execute, app.client),
    }
  end

  it("of approval, rejection, cancel, expiry and execution leaves one final state and at most one effect", function()
    local seen = {}
    for first = 1, races_max, batch do
      local drafts, requests, began = {}, {}, socket.gettime()
      for i = 1, math.min(batch, races_max - first + 1) do
        local action = ledger.keyed()
        drafts[i] = { title = action.payload.title, id = ledger.draft(app.client, action).id }
        table.move(rivals(drafts[i], action), 1, 5, #requests + 1, requests)
      end
      -- Every fourth batch meets its drafts' end.
      if first // batch % 4 == 3 then
        socket.sleep(math.max(0, began + 1.9 - socket.gettime()))
      end
      for _, answer in ipairs(http.parallel(g.admin, requests, 10)) do
        assert(answer.status < 500, answer.text)
      end
      local counts = effects()
      for _, draft in ipairs(drafts) do
        local status = check.ok(app.client:get("/drafts/" .. draft.id)).draft.status
        assert(status == "confirmed" or status == "canceled", status)
        seen[status] = (seen[status] or 0) + 1
        -- A key that is free again, as an expired draft's is, may have made another draft, which executed.
        local done = count("gateway.db", "SELECT count(*) AS n FROM executions e JOIN drafts d ON d.id = e.draft_id"
          .. " WHERE json_extract(d.payload, '$.title') = :title", { title = draft.title })[1].n
        assert(done <= 1, draft.id)
        assert.equal(done, counts[draft.title] or 0)
        assert(status ~= "confirmed" or done == 1, draft.id)
      end
    end
    assert(seen.confirmed > 0 and seen.canceled > 0)
    assert.same({}, count("gateway.db", "SELECT draft_id FROM audit WHERE action IN ('agent.draft.approve',"
      .. " 'agent.draft.reject', 'agent.draft.cancel', 'agent.draft.expire') AND status = 'success'"
      .. " GROUP BY draft_id HAVING count(*) > 1"))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
  end)

  local function copies(action, times)
    local requests = {}
    for i = 1, times do
      requests[i] = ledger.request(action, app.client)
    end
    return requests
  end

  it("of fifty equal requests has one effect for each key, and another byte under it has none", function()
    for _ = 1, keys_max do
      local action = ledger.keyed { execute = true }
      local requests, other = copies(action, 50), ledger.create(nil, { title = action.payload.title .. "." })
      other.idempotencyKey, other.execute = action.idempotencyKey, true
      local first, ids, fresh = check.ok(app.client:post("/actions", action)), {}, 0
      requests[#requests + 1] = ledger.request(other, app.client)
      for i, answer in ipairs(http.parallel(app.client, requests, 50)) do
        if i == #requests then
          check.refused(answer, 409, "agent.idempotency_mismatch")
        else
          local data = check.ok(answer)
          ids[data.execution.id] = true
          fresh = fresh + (data.replayed and 0 or 1)
        end
      end
      assert.same({ [first.execution.id] = true }, ids)
      assert.equal(0, fresh)
    end
  end)
end)
