-- SPDX-License-Identifier: MIT
local host = require "spec.support.host"
local json = require "spec.support.json"

-- Splits CSV (RFC 4180) into records of fields.
local function parse_csv(text)
  local records, record, at = {}, {}, 1
  while at <= #text do
    local field, stop
    if text:sub(at, at) == '"' then
      local from = at + 1
      repeat
        stop = text:find('"', from, true)
        from = stop + 2
      until text:sub(stop + 1, stop + 1) ~= '"'
      field, stop = text:sub(at + 1, stop - 1):gsub('""', '"'), stop + 1
    else
      stop = text:find("[,\n]", at) or #text + 1
      field = text:sub(at, stop - 1)
    end
    record[#record + 1] = field
    if text:sub(stop, stop) ~= "," then
      records[#records + 1], record = record, {}
    end
    at = stop + 1
  end
  return records
end

local function find(list, id)
  for _, item in ipairs(list) do
    if (item.id or item[1]) == id then
      return item
    end
  end
end

describe("the ledger adapter", function()
  local ledger

  before_each(function() ledger = host.open("adapters/ledger") end)
  after_each(function() ledger:close() end)

  local function list(payload, fields)
    return ledger.tools["transaction.list"].read(ledger:call(payload, fields))
  end

  local function create(title)
    local made = ledger:describe("transaction.create",
      { ledgerId = "ledger_main", kind = "expense", title = title, amount_home = 1 })
    return ledger:apply(made.effect, made.call.now)[1]
  end

  local function export(fields)
    local made = ledger:describe("transactions.export_csv", { ledgerId = "ledger_main" }, fields)
    return made.effect.result.export
  end

  it("runs on Lua 5.4", function()
    assert.equal("Lua 5.4", _VERSION)
  end)

  it("declares the seven tools of the ledger", function()
    local names = {}
    for name in pairs(ledger.tools) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "ledger.list", "transaction.create", "transaction.delete", "transaction.hard_delete",
      "transaction.list", "transaction.update", "transactions.export_csv" }, names)
  end)

  describe("lists", function()
    it("gives the ledgers of the caller's organisation and no others", function()
      local items = ledger.tools["ledger.list"].read(ledger:call({})).items
      assert.same({ "ledger_main", "ledger_ops" }, { items[1].id, items[2].id })
      assert.equal(2, #items)
    end)

    it("gives a person their own ledgers", function()
      local boundary = { org_id = json.null, user_id = "user_demo", allowed = {} }
      local items = ledger.tools["ledger.list"].read(ledger:call({}, { boundary = boundary })).items
      assert.equal("ledger_home", items[1].id)
      assert.equal(1, #items)
    end)

    it("gives transactions by date, newest first, and never another tenant's", function()
      local answer = list({ pageSize = 200 })
      assert.equal(184, answer.total)
      assert.is_nil(find(answer.items, "txn_other"))
      for i = 2, #answer.items do
        assert.is_true(answer.items[i - 1].date >= answer.items[i].date)
      end
    end)

    it("counts and gives only the ledgers and transactions that are allowed", function()
      local allowed = { ledger = { "ledger_main" }, transaction = { "txn_1", "txn_ops_001" } }
      local answer = list({}, { boundary = { org_id = "org_demo", user_id = json.null, allowed = allowed } })
      assert.equal(1, answer.total)
      assert.equal("txn_1", answer.items[1].id)
    end)

    it("gives nothing of an organisation that is not allowed", function()
      local boundary = { org_id = "org_demo", user_id = json.null, allowed = {}, allowed_org_ids = { "org_else" } }
      assert.equal(0, list({}, { boundary = boundary }).total)
      assert.equal(0, #ledger.tools["ledger.list"].read(ledger:call({}, { boundary = boundary })).items)
    end)

    it("keeps a total that is what it would count, through every change", function()
      local function totals()
        local found = {}
        for _, id in ipairs { "ledger_main", "ledger_ops", "ledger_home", false } do
          local payload = { ledgerId = id or nil }
          found[#found + 1] = list(payload).total
          payload.startDate = "1970-01-01"
          assert.equal(list(payload).total, found[#found])
        end
        return found
      end
      local function change(name, payload)
        local made = ledger:describe(name, payload)
        ledger:apply(made.effect, made.call.now)
      end
      assert.same({ 64, 120, 1, 184 }, totals())
      create("One more")
      assert.same({ 65, 120, 1, 185 }, totals())
      change("transaction.update", { transactionId = "txn_new", ledgerId = "ledger_ops" })
      assert.same({ 64, 121, 1, 185 }, totals())
      change("transaction.update", { transactionId = "txn_new", title = "Another" })
      change("transaction.delete", { transactionId = "txn_new" })
      assert.same({ 64, 120, 1, 184 }, totals())
      change("transaction.hard_delete", { transactionId = "txn_new" })
      change("transaction.hard_delete", { transactionId = "txn_1" })
      assert.same({ 63, 120, 1, 183 }, totals())
    end)

    it("says whether there is more", function()
      assert.is_true(list({ ledgerId = "ledger_main", pageSize = 63 }).hasMore)
      assert.is_false(list({ ledgerId = "ledger_main", pageSize = 64 }).hasMore)
      assert.is_false(list({ ledgerId = "ledger_main", pageSize = 32, page = 2 }).hasMore)
    end)

    it("takes a start date from its first and an end date to its last millisecond", function()
      local answer = list({ ledgerId = "ledger_main", startDate = "2026-11-16", endDate = "2026-11-16" })
      assert.equal("txn_4", answer.items[1].id)
      assert.equal("2026-11-16T23:59:59.999Z", answer.items[1].date)
      assert.equal(1, answer.total)
    end)

    it("understands offsets in times", function()
      local answer = list({ startDate = "2026-11-19T09:30:00+01:00", endDate = "2026-11-19T10:00:00+01:00" })
      assert.equal("txn_1", answer.items[1].id)
      assert.equal(1, answer.total)
    end)

    it("refuses dates that are none, and a start after the end", function()
      assert.equal("invalid", list({ startDate = "yesterday" }).refusal)
      assert.equal("invalid", list({ endDate = "2026-11-1" }).refusal)
      assert.equal("invalid", list({ startDate = "2026-11-17", endDate = "2026-11-16" }).refusal)
    end)

    it("gives the last max_days when no date was asked for, and that many from the one that was", function()
      local limits = { limits = { max_days = 2 } }
      assert.same({ "txn_1" }, { list({ ledgerId = "ledger_main" }, limits).items[1].id })
      assert.equal(2, list({ ledgerId = "ledger_main", startDate = "2026-11-16" }, limits).total)
      assert.equal(1, list({ ledgerId = "ledger_main", startDate = "2026-11-19" }, limits).total)
      assert.equal(2, list({ ledgerId = "ledger_main", endDate = "2026-11-18" }, limits).total)
    end)
  end)

  describe("writes", function()
    it("creates with an upper-cased currency, USD and now where none is given", function()
      local made = create("Tea")
      assert.equal("USD", made.currency_home)
      assert.equal("2026-11-20T12:00:00.000Z", made.date)
      local euros = ledger:describe("transaction.create", { ledgerId = "ledger_main", kind = "income", title = "x",
        amount_home = "12.50", currency_home = "eur", date = "2026-03-01" })
      assert.equal("EUR", euros.effect[1][2].currency_home)
      assert.equal(12.5, euros.effect[1][2].amount_home)
      assert.equal("2026-03-01T00:00:00.000Z", euros.effect[1][2].date)
    end)

    it("keeps the time of the effect and its new id symbolic", function()
      local payload = { ledgerId = "ledger_main", kind = "income", title = "x", amount_home = 1 }
      local first = ledger:describe("transaction.create", payload, { now = 1 })
      local second = ledger:describe("transaction.create", payload, { now = 2 })
      assert.equal(json.encode(first.effect[1][2]), json.encode(second.effect[1][2]))
    end)

    it("refuses an amount that is not finite and a date that is none", function()
      local function refused(fields)
        local payload = { ledgerId = "ledger_main", kind = "income", title = "x", amount_home = 1 }
        for name, value in pairs(fields) do payload[name] = value end
        return ledger:describe("transaction.create", payload).refused
      end
      assert.same({ refusal = "invalid", "amount_home must be a finite number", "/amount_home" },
        refused { amount_home = "1e999" })
      assert.equal("/date", refused({ date = "2026-13-45T" })[2])
    end)

    it("finds no ledger where there is none", function()
      assert.is_nil(ledger.tools["transaction.create"].load(ledger:call({ ledgerId = "ledger_none" })))
    end)

    it("sets only the fields that an update gives", function()
      local made = ledger:describe("transaction.update", { transactionId = "txn_1", title = "Tea", notes = json.null })
      assert.same({ title = "Tea", notes = json.null, id = "txn_1" }, made.effect[1][2])
      local row = ledger:apply(made.effect, made.call.now)[1]
      assert.equal("Tea", row.title)
      assert.equal(json.null, row.notes)
      assert.equal(42.5, row.amount_home)
    end)

    it("names both ledgers when a transaction moves, and takes its tenant along", function()
      local made = ledger:describe("transaction.update", { transactionId = "txn_1", ledgerId = "ledger_ops" })
      local resources = ledger.tools["transaction.update"].resources(made.call, made.loaded)
      assert.equal("ledger_main", resources[1].parents[1].id)
      assert.equal("ledger_ops", resources[2].id)
      assert.equal("ledger_ops", ledger:apply(made.effect, made.call.now)[1].ledger_id)
    end)

    it("refuses an update that changes nothing", function()
      assert.equal("invalid", ledger:describe("transaction.update", { transactionId = "txn_1" }).refused.refusal)
    end)

    it("gives every version another updated_at, also within one millisecond", function()
      local function touch()
        local made = ledger:describe("transaction.update", { transactionId = "txn_1", title = "Tea" })
        return ledger:apply(made.effect, made.call.now)[1].updated_at
      end
      local first, second = touch(), touch()
      assert.equal("2026-11-20T12:00:00.000Z", first)
      assert.equal("2026-11-20T12:00:00.001Z", second)
    end)

    it("binds the version of the transaction that a delete was meant for", function()
      local tool = ledger.tools["transaction.delete"]
      local made = ledger:describe("transaction.delete", { transactionId = "txn_1" })
      local state = tool.state(made.call, made.loaded)
      local bound = {}
      for _, name in ipairs(tool.witness) do bound[name] = state[name] end
      assert.same({ kind = "resource_version", resource = "transaction", id = "txn_1", ledger_id = "ledger_main",
        updated_at = "2026-11-19T08:31:00.000Z", is_deleted = false }, bound)
    end)

    it("hides a deleted transaction from lists and from a second delete", function()
      local made = ledger:describe("transaction.delete", { transactionId = "txn_1" })
      ledger:apply(made.effect, made.call.now)
      assert.is_nil(find(list({}).items, "txn_1"))
      assert.equal("gone", ledger:describe("transaction.delete", { transactionId = "txn_1" }).refused.refusal)
      assert.equal("gone", ledger:describe("transaction.update", { transactionId = "txn_1" }).refused.refusal)
    end)

    it("removes for good what was deleted before", function()
      ledger:apply(ledger:describe("transaction.delete", { transactionId = "txn_1" }).effect, 0)
      ledger:apply(ledger:describe("transaction.hard_delete", { transactionId = "txn_1" }).effect, 0)
      assert.same({}, ledger:rows("SELECT id FROM transactions WHERE id = 'txn_1'"))
    end)
  end)

  describe("exports", function()
    it("begins with the header and has a line for every transaction", function()
      local made = export()
      assert.equal("id,date,kind,title,amount_home,currency_home,created_at,updated_at", made.csv:match("^[^\n]*"))
      assert.equal(64, made.rowCount)
      assert.equal(65, #parse_csv(made.csv))
    end)

    it("quotes what needs it and nothing else", function()
      create("two\nlines, \"quoted\"")
      local records = parse_csv(export().csv)
      assert.equal('Paper, pens and "sticky" notes', find(records, "txn_3")[4])
      assert.equal("two\nlines, \"quoted\"", find(records, "txn_new")[4])
      assert.is_truthy(export().csv:find("txn_1,2026-11-19T08:30:00.000Z,expense,Coffee beans,42.5,USD,", 1, true))
    end)

    for name, first in pairs { equals = "=", plus = "+", minus = "-", at = "@", tab = "\t", cr = "\r", lf = "\n",
      wide_equals = "＝", wide_plus = "＋", wide_minus = "－", wide_at = "＠" } do
      it("makes a title that begins with " .. name .. " harmless for spreadsheets", function()
        create(first .. "1+1,\"x\"")
        assert.equal("'" .. first .. "1+1,\"x\"", find(parse_csv(export().csv), "txn_new")[4])
      end)
    end

    it("leaves numbers numbers, negative ones too", function()
      assert.equal("-0.01", find(parse_csv(export().csv), "txn_4")[5])
      assert.equal("1800", find(parse_csv(export().csv), "txn_2")[5])
    end)

    it("hides titles from an app that may not see sensitive fields", function()
      local policy = { data = { allow_sensitive_fields = false } }
      local csv = export({ app = { policy = policy } }).csv
      assert.is_nil(csv:find("Coffee", 1, true))
      assert.equal("[redacted]", find(parse_csv(csv), "txn_1")[4])
    end)

    it("reports how many rows it would give", function()
      local tool, call = ledger.tools["transactions.export_csv"], ledger:call({ ledgerId = "ledger_main", limit = 10 })
      local impact = tool.impact(call, tool.load(call))
      assert.equal(10, impact.rows)
      assert.same({ ledgerId = "ledger_main", startDate = json.null, endDate = json.null, requestedLimit = 10 },
        impact.export)
    end)
  end)
end)
