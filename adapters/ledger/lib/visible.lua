-- SPDX-License-Identifier: MIT
-- The part of a query that keeps it to what the caller may see.
local visible = {}

local function given(value)
  return value ~= nil and value ~= null
end

-- A condition that is written from what is asked, so that each form has an index that fits it: the text after WHERE,
-- which begins with the caller's own organisation, or the person that a personal app acts for, and its parameters.
function visible.owned(boundary)
  if given(boundary.org_id) then
    return { where = "org_id = :org_id", params = { org_id = boundary.org_id } }
  end
  return { where = "user_id = :user_id", params = { user_id = boundary.user_id or null } }
end

-- The same for what is of one ledger, a resource that the host has judged.
function visible.of_ledger(ledger_id)
  return { where = "ledger_id = :ledger_id", params = { ledger_id = ledger_id } }
end

function visible.add(condition, text, name, value)
  condition.where = condition.where .. " AND " .. text
  condition.params[name] = value
end

-- Rows whose column names what the app's data policy allows, where it says anything; gives whether it does.
function visible.add_allowed(condition, column, name, ids)
  if given(ids) then
    visible.add(condition, column .. " IN (SELECT value FROM json_each(:" .. name .. "))", name, json.encode(ids))
    return true
  end
  return false
end

return visible
