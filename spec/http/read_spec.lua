-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

local function keys(object)
  local names = {}
  for name in pairs(object) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " ")
end

describe("reading the ledger", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function list(query)
    return check.ok(g.agent:get("/transactions", query))
  end

  local function refused(query, code)
    return check.refused(g.agent:get("/transactions", query), 400, code)
  end

  it("gives ledgers with exactly their fields", function()
    local items = check.ok(g.agent:get("/ledgers")).items
    assert.equal(2, #items)
    assert.equal("currency_home id name organization_id tz", keys(items[1]))
    assert.equal("org_demo", items[1].organization_id)
  end)

  it("gives transactions with exactly their fields", function()
    local data = list { ledgerId = "ledger_main" }
    assert.equal("hasMore items page pageSize total", keys(data))
    local txn = check.find(data.items, { id = "txn_2" })
    assert.equal("amount_home created_at currency_home date id kind ledger_id notes title updated_at", keys(txn))
    assert.equal("2026-11-18T14:00:00.000Z", txn.date)
    assert.equal(1800, txn.amount_home)
    assert.equal(json.null, txn.notes)
    check.timestamp(txn.created_at)
  end)

  it("orders by date and then id, newest first, and repeats nothing over the pages", function()
    local seen, last = {}, nil
    for _, txn in ipairs(ledger.list(g.agent, { pageSize = 50 })) do
      local place = txn.date .. " " .. txn.id
      assert.is_true(not last or place < last)
      assert.is_nil(seen[txn.id])
      seen[txn.id], last = true, place
    end
    assert.is_true(seen.txn_1 and seen.txn_ops_120)
    assert.is_nil(seen.txn_other)
    assert.is_nil(seen.txn_home)
  end)

  it("has 50 on a page unless asked, and never more than 200", function()
    assert.equal(50, list({}).pageSize)
    assert.equal(50, #list({}).items)
    local data = list { pageSize = 10, page = 2 }
    assert.same({ 2, 10, 10 }, { data.page, data.pageSize, #data.items })
    assert.equal(200, list({ pageSize = 500 }).pageSize)
    assert.equal(200, list({ pageSize = "99999999999" }).pageSize)
  end)

  it("says honestly whether there is more", function()
    local total = list({ ledgerId = "ledger_main" }).total
    assert.is_true(list({ ledgerId = "ledger_main", pageSize = total - 1 }).hasMore)
    assert.is_false(list({ ledgerId = "ledger_main", pageSize = total }).hasMore)
    local beyond = list { ledgerId = "ledger_main", pageSize = total, page = 2 }
    assert.same({ 0, total, false }, { #beyond.items, beyond.total, beyond.hasMore })
    assert.equal("[]", json.encode(beyond.items))
  end)

  it("refuses a page that is none", function()
    for _, query in ipairs { { pageSize = 0 }, { pageSize = -1 }, { pageSize = "ten" }, { pageSize = "1.5" },
      { page = 0 }, { page = "x" }, { pageSize = "" } } do
      refused(query)
    end
  end)

  it("knows snake names too, and refuses two that differ", function()
    assert.equal(list({ ledgerId = "ledger_main" }).total, list({ ledger_id = "ledger_main" }).total)
    assert.equal(5, list({ page_size = 5 }).pageSize)
    assert.equal(5, list({ page_size = 5, pageSize = 5 }).pageSize)
    refused { page_size = 5, pageSize = 6 }
  end)

  it("takes whole days in UTC, an end date with its last millisecond", function()
    local items = list({ ledgerId = "ledger_main", startDate = "2026-11-16", endDate = "2026-11-16" }).items
    assert.equal(1, #items)
    assert.equal("txn_4", items[1].id)
  end)

  it("takes times with an offset", function()
    local items = list({ startDate = "2026-11-19T09:30:00+01:00", endDate = "2026-11-19T08:30:00Z" }).items
    assert.equal("txn_1", items[1].id)
    assert.equal(1, #items)
  end)

  it("refuses dates that are none", function()
    for _, date in ipairs { "yesterday", "2026-02-30", "2026-1-1", "2026-11-19T08:30:00", "20261119", "1768780800" } do
      refused { startDate = date }
      refused { endDate = date }
    end
  end)

  it("refuses a start after the end", function()
    refused({ startDate = "2026-11-17", endDate = "2026-11-16" }, "agent.action_invalid")
  end)

  it("leaves a row in the audit trail", function()
    local response = g.agent:get("/ledgers")
    local id = response.headers["x-request-id"]
    local row = gateway.eventually("the read is on record", function()
      return check.find(g:audit(), { request_id = id })
    end)
    assert.same({ "agent.ledger.list", "success", g.credentials.app_id, g.credentials.key_id },
      { row.action, row.status, row.app_id, row.key_id })
  end)

  it("answers many at once, each with what it asked for", function()
    local requests = {}
    for i = 1, 200 do
      requests[i] = { method = "GET", path = "/transactions", query = { pageSize = i } }
    end
    for i, response in ipairs(require "spec.support.http".parallel(g.agent, requests, 32)) do
      local data = check.ok(response)
      assert.equal(i, data.pageSize)
      assert.equal(math.min(i, data.total), #data.items)
    end
  end)
end)
