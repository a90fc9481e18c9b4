-- SPDX-License-Identifier: MIT
-- Requests about the demo ledger, and what became of them.
local check = require "spec.support.check"
local db = require "spec.support.db"

local ledger = {}

local made = 0

local function merge(base, fields)
  for name, value in pairs(fields or {}) do
    base[name] = value
  end
  return base
end

-- A word that no other spec of this run uses.
function ledger.unique(word)
  made = made + 1
  return ("%s-%d-%d"):format(word, os.time(), made)
end

-- Bodies of POST actions; fields are put beside the payload, changes into it.
function ledger.create(fields, changes)
  local payload = { ledgerId = "ledger_main", kind = "expense", title = ledger.unique("Spec"), amount_home = 12.5 }
  return merge({ action = "transaction.create", payload = merge(payload, changes) }, fields)
end

-- The same under a key of its own.
function ledger.keyed(fields, changes)
  return ledger.create(merge({ idempotencyKey = ledger.unique("key") }, fields), changes)
end

function ledger.update(id, changes, fields)
  return merge({ action = "transaction.update", payload = merge({ transactionId = id }, changes) }, fields)
end

function ledger.delete(id, fields)
  local base = { action = "transaction.delete", payload = { transactionId = id } }
  base.justification = "A spec asks for it."
  return merge(base, fields)
end

function ledger.export(changes, fields)
  local base = { action = "transactions.export_csv", payload = merge({ ledgerId = "ledger_main" }, changes) }
  base.justification = "A spec asks for it."
  return merge(base, fields)
end

-- The request that sends an action; client: for those who ask for several clients.
function ledger.request(action, client)
  return { client = client, method = "POST", path = "/actions", json = action }
end

-- Asks what an action would do; gives the data of the answer.
function ledger.preflight(client, action)
  return check.ok(client:post("/preflight", { action = action.action, payload = action.payload }))
end

-- Sends an action that must become a draft; gives the draft and the whole data.
function ledger.draft(client, action)
  local data = check.ok(client:post("/actions", action))
  assert(data.status == "draft", "not a draft: " .. tostring(data.status))
  return data.draft, data
end

-- Sends an action that must execute at once; gives the execution and the whole data.
function ledger.execute(client, action)
  action.execute = true
  local data = check.ok(client:post("/actions", action))
  assert(data.status == "executed" and data.execution.status == "success",
    "not executed: " .. tostring(data.autoExecuteDeniedCode))
  return data.execution, data
end

-- Makes a transaction with an app whose windows are open.
function ledger.make(client, changes)
  return ledger.execute(client, ledger.create(nil, changes)).result.transaction
end

-- Gives every visible transaction that the query selects.
function ledger.list(client, query)
  local items, page = {}, 1
  repeat
    local data = check.ok(client:get("/transactions", merge({ page = page, pageSize = 200 }, query)))
    table.move(data.items, 1, #data.items, #items + 1, items)
    page = page + 1
  until not data.hasMore
  return items
end

function ledger.count(client, title)
  return check.count(ledger.list(client, { ledgerId = "ledger_main" }), { title = title })
end

-- How many transactions of this title the ledger's database has, asked from outside.
function ledger.stored(g, title)
  return db.rows(g.data .. "/ledger.db", "SELECT count(*) AS n FROM transactions WHERE title = :title",
    { title = title })[1].n
end

function ledger.find(client, id)
  return check.find(ledger.list(client), { id = id })
end

-- Approves a draft; gives the data of the answer.
function ledger.approve(admin, draft, body)
  return check.ok(admin:post("/drafts/" .. draft.id .. "/approve", body))
end

return ledger
