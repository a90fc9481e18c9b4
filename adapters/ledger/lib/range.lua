-- SPDX-License-Identifier: MIT
-- The range of dates that a list or an export covers, and the rows of it that the caller may see.
local visible = require "lib.visible"

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

-- Gives the condition and the parameters of the transactions between from and to that the caller may see, in one
-- ledger or in all; and true where all that is in the totals of the same condition is among them.
function range.visible(call, ledger_id, from, to)
  local boundary = call.boundary
  local allowed = boundary.allowed
  local condition = ledger_id and visible.of_ledger(ledger_id) or visible.owned(boundary)
  visible.add_allowed(condition, "org_id", "allowed_orgs", boundary.allowed_org_ids)
  visible.add_allowed(condition, "ledger_id", "allowed_ledger", allowed.ledger)
  local some = visible.add_allowed(condition, "id", "allowed_transaction", allowed.transaction)
  if from then
    visible.add(condition, "date >= :from", "from", date.format(from))
  end
  if to then
    visible.add(condition, "date <= :to", "to", date.format(to))
  end
  return condition.where, condition.params, not (some or from or to)
end

return range
