-- SPDX-License-Identifier: MIT
local range = require "lib.range"
local schema = require "lib.schema"
local transactions = require "lib.transactions"

local page_size_default <const>, page_size_max <const> = 50, 200

local total_kept <const> = "SELECT coalesce(sum(transactions), 0) FROM totals WHERE "
local total_counted <const> = "SELECT count(*) FROM transactions WHERE is_deleted = 0 AND "

local function load(call)
  if call.payload.ledgerId then
    return transactions.find_ledger(call, call.payload.ledgerId)
  end
  return {}
end

local function resources(_, ledger)
  if ledger.id then
    return { transactions.ledger_resource(ledger) }
  end
  return array {}
end

local function read(call)
  local payload, db = call.payload, call.sql("ledger")
  local page, size = payload.page or 1, math.min(payload.pageSize or page_size_default, page_size_max)
  local from, to, refusal = range.of(call)
  if refusal then
    return refusal
  end
  local where, params, whole = range.visible(call, payload.ledgerId, from, to)
  local total = db:value((whole and total_kept or total_counted) .. where, params)
  params.size, params.skipped = size, (page - 1) * size
  return {
    items = db:rows(
      "SELECT " .. transactions.columns .. ", org_id, user_id FROM transactions WHERE is_deleted = 0 AND "
        .. where .. " ORDER BY date DESC, id DESC LIMIT :size OFFSET :skipped",
      params),
    total = total,
    page = page,
    pageSize = size,
    hasMore = page * size < total,
  }
end

return {
  name = "transaction.list", kind = "read", risk = "low", scopes = { "transaction.read" },
  description = "List transactions, newest first, of one ledger or of all that this credential can see.",
  http = { method = "GET", path = "/transactions" },
  input = {
    type = "object",
    properties = {
      ledgerId = schema.id,
      startDate = schema.day_or_time,
      endDate = schema.day_or_time,
      page = { type = "integer", minimum = 1, maximum = 1000000, default = 1 },
      pageSize = {
        type = "integer", minimum = 1, default = page_size_default,
        description = "At most 200 are given.",
      },
    },
  },
  output = {
    type = "object", required = { "items", "total", "page", "pageSize", "hasMore" },
    properties = {
      items = { type = "array", items = schema.transaction },
      total = { type = "integer" },
      page = { type = "integer" },
      pageSize = { type = "integer" },
      hasMore = { type = "boolean" },
    },
  },
  aliases = { ledger_id = "ledgerId", start_date = "startDate", end_date = "endDate", page_size = "pageSize" },
  sensitive = transactions.sensitive,
  rows = {
    kind = "transaction", id = "id", org_id = "org_id", user_id = "user_id", parents = { ledger = "ledger_id" },
  },
  range = { from = "startDate", to = "endDate" },
  load = load,
  resources = resources,
  read = read,
}
