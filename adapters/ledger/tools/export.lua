-- SPDX-License-Identifier: MIT
local csv = require "lib.csv"
local range = require "lib.range"
local schema = require "lib.schema"
local transactions = require "lib.transactions"

local limit_default <const>, limit_max <const> = 200, 5000
local header <const> = "id,date,kind,title,amount_home,currency_home,created_at,updated_at"

local function line_of(title)
  return csv.line {
    csv.text "id", "date", "kind", title, csv.number "amount_home", "currency_home", "created_at", "updated_at",
  }
end

local line <const> = line_of(csv.text "title")
local line_redacted <const> = line_of("'" .. transactions.sensitive.title .. "'")

-- The host redacts fields by their name; what is inside a CSV text is left to its author.
local function may_see_titles(call)
  local policy = call.app.policy
  local data = policy and policy ~= null and policy.data
  return not data or data == null or data.allow_sensitive_fields ~= false
end

local function limit_of(call)
  return call.payload.limit or limit_default
end

local function impact(call)
  local payload = call.payload
  local from, to = range.of(call)
  local where, params = range.visible(call, payload.ledgerId, from, to)
  params.limit = limit_of(call)
  local rows = call.sql("ledger"):value(
    "SELECT count(*) FROM (SELECT 1 FROM transactions WHERE is_deleted = 0 AND " .. where .. " LIMIT :limit)", params)
  return {
    summary = "Export at most " .. params.limit .. " transactions as CSV",
    export = {
      ledgerId = payload.ledgerId,
      startDate = payload.startDate or null,
      endDate = payload.endDate or null,
      requestedLimit = params.limit,
    },
    rows = rows,
  }
end

local function check(call)
  local _, _, refusal = range.of(call)
  return refusal
end

local function execute(call)
  local ledger_id = call.payload.ledgerId
  local from, to = range.of(call)
  local where, params = range.visible(call, ledger_id, from, to)
  params.limit = limit_of(call)
  local rows = call.sql("ledger"):rows(
    "SELECT " .. (may_see_titles(call) and line or line_redacted) .. " AS line FROM transactions WHERE is_deleted = 0"
      .. " AND " .. where .. " ORDER BY date DESC, id DESC LIMIT :limit",
    params)
  local lines = { header }
  for i = 1, #rows do
    lines[i + 1] = rows[i].line
  end
  return value {
    result = {
      export = {
        format = "csv", ledgerId = ledger_id, rowCount = #rows, csv = table.concat(lines, "\n") .. "\n",
      },
    },
  }
end

return {
  name = "transactions.export_csv", kind = "action", risk = "high", confirm = true, export = true,
  scopes = { "transaction.read", "transaction.export" },
  description = "Export a ledger's transactions as CSV, newest first.",
  input = {
    type = "object",
    required = { "ledgerId" },
    properties = {
      ledgerId = schema.id,
      startDate = schema.day_or_time,
      endDate = schema.day_or_time,
      limit = { type = "integer", minimum = 1, maximum = limit_max, default = limit_default },
    },
  },
  output = {
    type = "object", required = { "export" },
    properties = {
      export = {
        type = "object", required = { "format", "ledgerId", "rowCount", "csv" },
        properties = {
          format = { const = "csv" },
          ledgerId = { type = "string" },
          rowCount = { type = "integer" },
          csv = { type = "string" },
        },
      },
    },
  },
  aliases = { ledger_id = "ledgerId", start_date = "startDate", end_date = "endDate" },
  sensitive = transactions.sensitive,
  range = { from = "startDate", to = "endDate" },
  facts = {
    type = "object",
    properties = {
      resources = { type = "array", items = { type = "object" } },
      impact = {
        type = "object",
        properties = {
          summary = { type = "string" },
          export = {
            type = "object",
            properties = {
              ledgerId = { type = "string" },
              startDate = { type = { "string", "null" } },
              endDate = { type = { "string", "null" } },
              requestedLimit = { type = "integer" },
            },
          },
          rows = { type = "integer" },
        },
      },
    },
  },

  load = function(call) return transactions.find_ledger(call, call.payload.ledgerId) end,
  resources = function(_, ledger) return { transactions.ledger_resource(ledger) } end,
  impact = impact,
  check = check,
  execute = execute,
}
