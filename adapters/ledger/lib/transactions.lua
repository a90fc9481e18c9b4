-- SPDX-License-Identifier: MIT
-- What the tools that write transactions have in common: the row, its resource, impact, state and fields.
local transactions = {}

-- The columns of a transaction as it is answered.
transactions.columns = "id, ledger_id, kind, title, amount_home, currency_home, date, notes, created_at, updated_at"

-- The host binds the time of the effect, RFC 3339 in UTC with milliseconds.
transactions.now = ":now"

-- A version must differ from the one before it, also when both are made in the same millisecond.
transactions.touch = "updated_at = max(" .. transactions.now
  .. ", strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, '+0.001 seconds'))"

transactions.aliases = {
  id = "transactionId",
  transaction_id = "transactionId",
  ledger_id = "ledgerId",
  amountHome = "amount_home",
  currencyHome = "currency_home",
}

transactions.sensitive = { title = "[redacted]", notes = null }

transactions.witness = { "kind", "resource", "id", "ledger_id", "updated_at", "is_deleted" }

function transactions.find(call, id)
  return call.sql("ledger"):row(
    "SELECT " .. transactions.columns .. ", is_deleted, org_id, user_id FROM transactions WHERE id = :id",
    { id = id })
end

function transactions.find_ledger(call, id)
  return call.sql("ledger"):row(
    "SELECT id, name, currency_home, org_id, user_id FROM ledgers WHERE id = :id", { id = id })
end

-- A tool's load for the transaction that its payload names.
function transactions.load(call)
  return transactions.find(call, call.payload.transactionId)
end

function transactions.resource(txn)
  return {
    kind = "transaction", id = txn.id, org_id = txn.org_id, user_id = txn.user_id,
    parents = { { kind = "ledger", id = txn.ledger_id } },
  }
end

function transactions.ledger_resource(ledger)
  return { kind = "ledger", id = ledger.id, org_id = ledger.org_id, user_id = ledger.user_id }
end

-- The transaction as a reviewer sees it.
function transactions.shown(txn)
  return {
    id = txn.id,
    ledger_id = txn.ledger_id,
    title = txn.title,
    amount_home = txn.amount_home,
    currency_home = txn.currency_home,
    date = txn.date,
    is_deleted = txn.is_deleted == 1,
  }
end

-- What a delayed effect depends on; the tool's witness names the part of it that is bound.
function transactions.state(txn)
  return {
    kind = "resource_version",
    resource = "transaction",
    id = txn.id,
    ledger_id = txn.ledger_id,
    updated_at = txn.updated_at,
    is_deleted = txn.is_deleted == 1,
    amount_home = txn.amount_home,
    currency_home = txn.currency_home,
    date = txn.date,
  }
end

local function amount_of(value)
  local amount = tonumber(value)
  if amount and amount == amount and amount ~= math.huge and amount ~= -math.huge then
    return amount + 0.0
  end
end

local function date_of(text)
  local ms = date.day(text) or date.parse(text)
  return ms and date.format(ms)
end

-- How a field of the payload becomes the value of a column; nil says that it cannot.
transactions.readers = {
  { field = "ledgerId", column = "ledger_id" },
  { field = "kind", column = "kind" },
  { field = "title", column = "title" },
  { field = "amount_home", column = "amount_home", read = amount_of, expected = "a finite number" },
  { field = "currency_home", column = "currency_home", read = string.upper },
  { field = "date", column = "date", read = date_of, expected = "YYYY-MM-DD or an RFC 3339 time" },
  { field = "notes", column = "notes" },
}

-- Gives {column = value} of the fields that the payload has, or nil and the reader that could not.
function transactions.values(payload)
  local values = {}
  for _, reader in ipairs(transactions.readers) do
    local value = payload[reader.field]
    if value ~= nil and reader.read then
      value = reader.read(value)
      if value == nil then
        return nil, reader
      end
    end
    values[reader.column] = value
  end
  return values
end

-- A tool's check of the fields that a schema cannot judge.
function transactions.check_values(payload)
  local values, reader = transactions.values(payload)
  if not values then
    return nil, refuse.invalid(reader.field .. " must be " .. reader.expected, "/" .. reader.field)
  end
  return values
end

return transactions
