-- SPDX-License-Identifier: MIT
-- The demo domain: ledgers and their transactions, in a SQLite database that belongs to the gateway.
return {
  name = "ledger",
  description = "Ledgers of income, expenses, transfers and adjustments.",
  databases = { ledger = { file = "ledger.db", migrations = { "001.sql", "002.sql" }, demo = "seed.sql" } },
  tools = {
    require "tools.ledgers",
    require "tools.list",
    require "tools.create",
    require "tools.update",
    require "tools.delete",
    require "tools.hard_delete",
    require "tools.export",
  },
}
