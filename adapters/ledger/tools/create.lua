-- SPDX-License-Identifier: MIT
local schema = require "lib.schema"
local transactions = require "lib.transactions"

-- The date stays symbolic when none was given: it is the time of the effect, not of the request.
local insert <const> = "INSERT INTO transactions (id, ledger_id, kind, title, amount_home, currency_home, date, notes,"
  .. " created_at, updated_at, org_id, user_id)"
  .. " SELECT :new_id_1, id, :kind, :title, :amount_home, :currency_home, coalesce(:date, " .. transactions.now .. "),"
  .. " :notes, " .. transactions.now .. ", " .. transactions.now .. ", org_id, user_id"
  .. " FROM ledgers WHERE id = :ledger_id"
  .. " RETURNING " .. transactions.columns

local function execute(call, ledger)
  local values, refusal = transactions.check_values(call.payload)
  if refusal then
    return refusal
  end
  call.new_id("txn_")
  return sql.effect {
    database = "ledger",
    {
      insert,
      {
        ledger_id = ledger.id,
        kind = values.kind,
        title = values.title,
        amount_home = values.amount_home,
        currency_home = values.currency_home or "USD",
        date = values.date or null,
        notes = values.notes or null,
      },
      affects = 1, as = "row",
    },
    result = { transaction = from.row },
  }
end

return {
  name = "transaction.create", kind = "action", risk = "medium", scopes = { "transaction.write" },
  description = "Create a transaction in a ledger.",
  input = {
    type = "object",
    required = { "ledgerId", "kind", "title", "amount_home" },
    properties = {
      ledgerId = schema.id,
      kind = schema.kind,
      title = schema.title,
      amount_home = schema.amount,
      currency_home = {
        type = "string", pattern = schema.currency.pattern, default = "USD", description = schema.currency.description,
      },
      date = schema.day_or_time,
      notes = schema.notes,
    },
  },
  output = schema.transaction_result,
  aliases = { ledger_id = "ledgerId", amountHome = "amount_home", currencyHome = "currency_home" },
  sensitive = transactions.sensitive,
  facts = {
    type = "object",
    properties = {
      resources = { type = "array", items = { type = "object" } },
      impact = { type = "object", properties = { summary = { type = "string" } } },
    },
  },

  load = function(call) return transactions.find_ledger(call, call.payload.ledgerId) end,
  resources = function(_, ledger) return { transactions.ledger_resource(ledger) } end,
  impact = function(call)
    return { summary = "Create 1 transaction (" .. call.payload.kind .. ")" }
  end,
  execute = execute,
}
