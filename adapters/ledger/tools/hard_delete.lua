-- SPDX-License-Identifier: MIT
local schema = require "lib.schema"
local transactions = require "lib.transactions"

-- No check for deleted ones: to remove what was deleted before is what this tool is for.
return {
  name = "transaction.hard_delete", kind = "action", risk = "high", scopes = { "transaction.delete" }, confirm = true,
  description = "Remove a transaction for good, deleted before or not; it cannot be brought back.",
  input = { type = "object", required = { "transactionId" }, properties = { transactionId = schema.id } },
  output = schema.deleted_result,
  aliases = { id = "transactionId", transaction_id = "transactionId" },
  sensitive = transactions.sensitive,
  witness = transactions.witness,
  facts = schema.change_facts,

  load = transactions.load,
  resources = function(_, txn) return { transactions.resource(txn) } end,
  impact = function(_, txn)
    return { summary = "Remove 1 transaction for good", transaction = transactions.shown(txn) }
  end,
  state = function(_, txn) return transactions.state(txn) end,
  execute = function(_, txn)
    return sql.effect {
      database = "ledger",
      { "DELETE FROM transactions WHERE id = :id", { id = txn.id }, affects = 1 },
      result = { deleted = { id = txn.id, deleted = true, hard = true } },
    }
  end,
}
