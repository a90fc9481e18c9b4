-- SPDX-License-Identifier: MIT
-- The part of a query that keeps it to what the caller may see.
local visible = {}

local function given(value)
  return value ~= nil and value ~= null
end

-- A condition that is written from what is asked, so that each form has an index that fits it.
function visible.new()
  return { where = {}, params = {} }
end

function visible.add(condition, text, name, value)
  condition.where[#condition.where + 1] = text
  if name then
    condition.params[name] = value
  end
end

local function add_list(condition, column, name, ids)
  if given(ids) then
    visible.add(condition, column .. " IN (SELECT value FROM json_each(:" .. name .. "))", name, json.encode(ids))
  end
end

-- Rows of the caller's own organisation, or of the person that a personal app acts for.
function visible.add_owner(condition, boundary)
  if given(boundary.org_id) then
    visible.add(condition, "org_id = :org_id", "org_id", boundary.org_id)
  else
    visible.add(condition, "user_id = :user_id", "user_id", boundary.user_id or null)
  end
end

-- Rows that the app's data policy allows; columns name the ids of each kind: { { "ledger", "ledger_id" }, … }.
function visible.add_allowed(condition, boundary, columns)
  add_list(condition, "org_id", "allowed_orgs", boundary.allowed_org_ids)
  for _, pair in ipairs(columns) do
    add_list(condition, pair[2], "allowed_" .. pair[1], boundary.allowed[pair[1]])
  end
end

-- Gives the text after WHERE, and its parameters.
function visible.done(condition)
  return table.concat(condition.where, " AND "), condition.params
end

return visible
