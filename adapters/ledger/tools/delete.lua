-- SPDX-License-Identifier: MIT
local schema = require "lib.schema"
local transactions = require "lib.transactions"

return {
  name = "transaction.delete", kind = "action", risk = "high", scopes = { "transaction.delete" }, confirm = true,
  description = "Delete a transaction from every list; the record is kept.",
  input = { type = "object", required = { "transactionId" }, properties = { transactionId = schema.id } },
  output = schema.deleted_result,
  aliases = { id = "transactionId", transaction_id = "transactionId" },
  sensitive = transactions.sensitive,
  witness = transactions.witness,
  facts = schema.change_facts,

  load = transactions.load,
  resources = function(_, txn) return { transactions.resource(txn) } end,
  impact = function(_, txn)
    return { summary = "Delete 1 transaction", transaction = transactions.shown(txn) }
  end,
  state = function(_, txn) return transactions.state(txn) end,
  check = function(_, txn)
    if txn.is_deleted == 1 then
      return refuse.gone()
    end
  end,
  execute = function(_, txn)
    return sql.effect {
      database = "ledger",
      {
        "UPDATE transactions SET is_deleted = 1, " .. transactions.touch .. " WHERE id = :id AND is_deleted = 0",
        { id = txn.id }, affects = 1,
      },
      result = { deleted = { id = txn.id, deleted = true } },
    }
  end,
}
