-- SPDX-License-Identifier: MIT
-- The range of dates that a list or an export covers, and the rows of it that the caller may see.
local range = {}

local day_ms <const> = 86400000

local function first_ms(text)
  return date.day(text) or date.parse(text)
end

local function last_ms(text)
  local day = date.day(text)
  return day and day + day_ms - 1 or date.parse(text)
end

-- Without both dates, max_days before or after the one given, but not past now; without any, the last max_days.
local function fill(from, to, now, max_days)
  local span = max_days * day_ms - 1
  if from and not to then
    local limit = from + span
    to = from <= now and math.min(limit, now) or limit
  elseif not from then
    to = to or now
    from = to - span
  end
  return from, to
end

-- Gives the first and the last millisecond, nil where the range is open; or nil, nil and a refusal.
function range.of(call)
  local payload, max_days = call.payload, call.limits.max_days
  local from = payload.startDate and first_ms(payload.startDate)
  local to = payload.endDate and last_ms(payload.endDate)
  if payload.startDate and not from then
    return nil, nil, refuse.invalid("startDate must be YYYY-MM-DD or an RFC 3339 time", "/startDate")
  end
  if payload.endDate and not to then
    return nil, nil, refuse.invalid("endDate must be YYYY-MM-DD or an RFC 3339 time", "/endDate")
  end
  if from and to and from > to then
    return nil, nil, refuse.invalid("startDate is after endDate", "/startDate")
  end
  if max_days and max_days ~= null then
    from, to = fill(from, to, call.now, max_days)
  end
  return from, to
end

local function listed(ids)
  if ids and ids ~= null then
    return json.encode(ids)
  end
end

-- Gives the condition and the parameters of the transactions between from and to that the caller may see, in one
-- ledger or in all. Written from what is asked, so that each form has an index that fits it.
function range.visible(call, ledger_id, from, to)
  local boundary, where, params = call.boundary, { "is_deleted = 0" }, {}
  local function add(condition, name, value)
    where[#where + 1] = condition
    params[name] = value
  end
  if ledger_id then
    add("ledger_id = :ledger_id", "ledger_id", ledger_id)
  elseif boundary.org_id and boundary.org_id ~= null then
    add("org_id = :org_id", "org_id", boundary.org_id)
  else
    add("user_id = :user_id", "user_id", boundary.user_id or null)
  end
  if from then
    add("date >= :from", "from", date.format(from))
  end
  if to then
    add("date <= :to", "to", date.format(to))
  end
  local ledgers, ids = listed(boundary.allowed.ledger), listed(boundary.allowed.transaction)
  if ledgers then
    add("ledger_id IN (SELECT value FROM json_each(:ledgers))", "ledgers", ledgers)
  end
  if ids then
    add("id IN (SELECT value FROM json_each(:ids))", "ids", ids)
  end
  return table.concat(where, " AND "), params
end

return range
