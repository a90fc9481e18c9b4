-- SPDX-License-Identifier: MIT
local schema = require "lib.schema"
local transactions = require "lib.transactions"

-- A transaction that moves touches the ledger that it goes to as well.
local function load(call)
  local txn = transactions.load(call)
  local target_id = call.payload.ledgerId
  local target = target_id and transactions.find_ledger(call, target_id)
  if not txn or target_id and not target then
    return nil
  end
  return { txn = txn, target = target }
end

local function resources(_, found)
  local list = { transactions.resource(found.txn) }
  if found.target then
    list[2] = transactions.ledger_resource(found.target)
  end
  return list
end

local function changes(payload, txn)
  local list = {}
  for column, value in pairs(transactions.values(payload) or {}) do
    list[column] = { from = txn[column], to = value }
  end
  return list
end

local function impact(call, found)
  return {
    summary = "Update 1 transaction",
    transaction = transactions.shown(found.txn),
    changes = changes(call.payload, found.txn),
  }
end

local function check(call, found)
  if found.txn.is_deleted == 1 then
    return refuse.gone()
  end
  local values, refusal = transactions.check_values(call.payload)
  if refusal then
    return refusal
  end
  if next(values) == nil then
    return refuse.invalid("nothing to change was given")
  end
end

-- Only what was given is set, so that the effect shows a reviewer exactly what changes.
local function execute(call, found)
  local values = transactions.values(call.payload)
  local sets = {}
  for _, reader in ipairs(transactions.readers) do
    if values[reader.column] ~= nil then
      sets[#sets + 1] = reader.column .. " = :" .. reader.column
    end
  end
  if found.target then
    sets[#sets + 1] = "(org_id, user_id) = (SELECT org_id, user_id FROM ledgers WHERE id = :ledger_id)"
  end
  sets[#sets + 1] = transactions.touch
  values.id = found.txn.id
  return sql.effect {
    database = "ledger",
    {
      "UPDATE transactions SET " .. table.concat(sets, ", ") .. " WHERE id = :id AND is_deleted = 0 RETURNING "
        .. transactions.columns,
      values, affects = 1, as = "row",
    },
    result = { transaction = from.row },
  }
end

return {
  name = "transaction.update", kind = "action", risk = "medium", scopes = { "transaction.write" },
  description = "Change fields of a transaction; another ledgerId moves it there.",
  input = {
    type = "object",
    required = { "transactionId" },
    properties = {
      transactionId = schema.id,
      ledgerId = schema.id,
      kind = schema.kind,
      title = schema.title,
      amount_home = schema.amount,
      currency_home = schema.currency,
      date = schema.day_or_time,
      notes = schema.notes,
    },
  },
  output = schema.transaction_result,
  aliases = transactions.aliases,
  sensitive = transactions.sensitive,
  witness = transactions.witness,
  facts = schema.change_facts,
  load = load,
  resources = resources,
  impact = impact,
  state = function(_, found) return transactions.state(found.txn) end,
  check = check,
  execute = execute,
}
