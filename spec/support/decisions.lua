-- SPDX-License-Identifier: MIT
-- The decision log as specs read it: it may be a moment behind what was answered.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"

local decisions = {}

-- Gives every decision that the query selects, newest first.
function decisions.all(client, query)
  local rows, cursor = {}, nil
  repeat
    local page = { limit = 500, cursor = cursor }
    for name, value in pairs(query or {}) do page[name] = value end
    local data = check.ok(client:get("/policies/decisions", page))
    table.move(data.items, 1, #data.items, #rows + 1, rows)
    cursor = data.nextCursor
  until cursor == json.null
  return rows
end

-- The same, once there are so many.
function decisions.await(client, count, query)
  return gateway.eventually(("%d decisions in the log"):format(count), function()
    local rows = decisions.all(client, query)
    return #rows >= count and rows
  end)
end

function decisions.report(client)
  return check.ok(client:get("/policies/stage/report"))
end

-- The report, once so many decisions were compared.
function decisions.await_report(client, count)
  return gateway.eventually(("%d decisions compared"):format(count), function()
    local report = decisions.report(client)
    return report.decisions >= count and report
  end)
end

return decisions
