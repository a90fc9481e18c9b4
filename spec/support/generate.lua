-- SPDX-License-Identifier: MIT
-- Requests that nobody would write: right, nearly right and absurd, the same for the same seed.
local json = require "spec.support.json"

local generate = {}

local function pick(list)
  return list[math.random(#list)]
end

local texts <const> = {
  "", " ", "x", "ledger_main", "ledger_other", "txn_1", "txn_other", "org_demo", "org_other", "2026-11-19", "0",
  "2026-11-19T08:30:00Z", "9999-12-31", "expense", "usd", "1e999", "-0", "12.50", "' OR 1=1 --", "../../etc", "%00",
  "caf\195\169", "\240\159\152\128", "a\nb", "<script>", "null", "true", ("long"):rep(500), "\239\191\191", "{{7*7}}",
}

local function scalar()
  return pick {
    pick(texts), pick(texts), math.random(-3, 300), 0, -1, 0.5, 1e300, 9007199254740991, true, false, json.null,
  }
end

local function any(depth)
  local kind = depth > 0 and math.random(8) or 1
  if kind == 7 then
    local list = json.array()
    for i = 1, math.random(0, 3) do list[i] = any(depth - 1) end
    return list
  elseif kind == 8 then
    local members = json.object()
    for _ = 1, math.random(0, 3) do members[pick(texts)] = any(depth - 1) end
    return members
  end
  return scalar()
end

-- Mostly what fits, sometimes anything, sometimes nothing.
local function maybe(make)
  local chance = math.random(10)
  if chance == 1 then
    return any(2)
  elseif chance <= 8 then
    return make()
  end
end

local function one_of(...)
  local list = { ... }
  return function() return pick(list) end
end

-- Names are sorted, because the order of pairs is another in every run.
local function object(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  return function()
    local members = json.object()
    for _, name in ipairs(names) do
      members[name] = maybe(fields[name])
    end
    if math.random(10) == 1 then
      members[pick(texts)] = any(2)
    end
    return members
  end
end

-- pool has lists of ids by kind: app, key, draft, preflight.
local function shapes(pool)
  local function id(kind)
    return function() return pick(pool[kind]) end
  end
  local payload = object {
    ledgerId = one_of("ledger_main", "ledger_ops", "ledger_other", "ledger_none"),
    transactionId = one_of("txn_1", "txn_2", "txn_ops_001", "txn_other", "txn_none"),
    kind = one_of("income", "expense", "transfer", "adjustment"),
    title = one_of(table.unpack(texts)),
    amount_home = one_of(1, -1.5, "12.50", 1e15),
    currency_home = one_of("USD", "eur"),
    date = one_of("2026-11-19", "2026-11-19T08:30:00+02:00"),
    startDate = one_of("2026-01-01"), endDate = one_of("2026-12-31"), limit = one_of(1, 10, 5000),
  }
  local action = one_of("transaction.create", "transaction.update", "transaction.delete", "transaction.hard_delete",
    "transactions.export_csv", "transaction.list", "no.such.action", " ")
  local actions = object {
    action = action, payload = payload, preflightId = id "preflight", execute = one_of(true, false),
    forceDraft = one_of(true, false), requestId = one_of("r1", "r2"), idempotencyKey = one_of("k1", "k2", "k3"),
    stateWitnessHash = one_of(("0"):rep(64)), justification = one_of("because", " "),
  }
  local listing = object { cursor = one_of("x", "1"), limit = one_of(1, 100, 500, 501), status = one_of("draft", "x"),
    appId = id "app", action = action }
  local window = object { enabled = one_of(true, false), expires_in = one_of(1, 60), allowed_actions =
    one_of(json.array { "transaction.create" }, json.null) }
  local policy = object { network = object { allowed_ips = one_of(json.array { "127.0.0.0/8" }) },
    data = object { max_days = one_of(1, 30), allowed_ledger_ids = one_of(json.array { "ledger_main" }),
      allow_sensitive_fields = one_of(true, false) } }
  local decision = object { note = one_of("n"), reason = one_of("r"), seal = one_of(("0"):rep(64)) }
  local transactions = object { ledgerId = one_of("ledger_main", "ledger_other"), page = one_of(1, 2, 1000000),
    pageSize = one_of(1, 50, 500), startDate = one_of("2026-01-01"), endDate = one_of("2026-12-31") }
  return {
    { "agent", "GET", "/manifest" }, { "agent", "GET", "/ledgers", query = transactions },
    { "agent", "GET", "/transactions", query = transactions },
    { "agent", "POST", "/preflight", body = actions }, { "agent", "POST", "/actions", body = actions },
    { "agent", "POST", "/actions", body = actions }, { "agent", "GET", "/drafts", query = listing },
    { "agent", "GET", "/drafts/{draft}" }, { "agent", "POST", "/drafts/{draft}/cancel", body = decision },
    { "admin", "GET", "/apps", query = listing }, { "admin", "GET", "/apps/{app}" },
    { "admin", "POST", "/apps", body = object { scope = one_of("workspace", "personal"), name = one_of("generated"),
      org_id = one_of("org_demo", "org_other"), scopes = one_of(json.array { "ledger.read" }), policy = policy,
      auto_execute = object { writes = window, high_risk = window }, key = object { name = one_of("k") } } },
    { "admin", "PATCH", "/apps/{app}", body = object { name = one_of("renamed"), description = one_of("d"),
      scopes = one_of(json.array { "ledger.read", "transaction.read" }) } },
    { "admin", "PATCH", "/apps/{app}/policy", body = policy },
    { "admin", "PATCH", "/apps/{app}/auto-execute", body = object { writes = window, high_risk = window } },
    { "admin", "POST", "/apps/{app}/keys", body = object { name = one_of("k"), expiresAt = one_of("2099-01-01") } },
    { "admin", "POST", "/apps/{app}/revoke" }, { "admin", "POST", "/apps/{app}/restore" },
    { "admin", "GET", "/apps/{app}/tools" }, { "admin", "POST", "/keys/{key}/revoke" },
    { "admin", "POST", "/keys/{key}/rotate", body = object { overlapSeconds = one_of(0, 60) } },
    { "admin", "GET", "/tools" }, { "admin", "GET", "/tools/transaction.create" },
    { "admin", "GET", "/drafts", query = listing }, { "admin", "GET", "/drafts/{draft}" },
    { "admin", "POST", "/drafts/{draft}/approve", body = decision },
    { "admin", "POST", "/drafts/{draft}/reject", body = decision },
    { "admin", "GET", "/audit", query = listing }, { "admin", "GET", "/whoami" }, { "admin", "GET", "/tokens" },
    { "admin", "POST", "/tokens", body = object { user_id = one_of("u"), name = one_of("n"),
      roles = one_of(json.array { "viewer" }), org_ids = one_of(json.array { "org_demo" }) } },
  }
end

local function query_of(make)
  local query = {}
  for name, value in pairs(make()) do
    name = name:gsub("[^%w_]", "")
    if name ~= "" and type(value) ~= "table" then
      query[name] = value
    end
  end
  return query
end

-- Gives a function that makes one request after the other; who holds the clients agent and admin.
function generate.requests(seed, pool, who)
  math.randomseed(seed)
  local list = shapes(pool)
  return function()
    local shape = pick(list)
    local path = shape[3]:gsub("{(%a+)}", function(kind) return pick(pool[kind]) end)
    local request = { method = shape[2], path = path, client = who[shape[1]] }
    if shape.query and math.random(4) > 1 then
      request.query = query_of(shape.query)
    end
    if shape.body then
      request.json = math.random(30) == 1 and any(3) or shape.body()
    end
    return request
  end
end

-- Gives a copy of the same JSON type, with one member another.
local function replaced(original, name, value)
  local copy = setmetatable({}, getmetatable(original))
  for other, kept in pairs(original) do copy[other] = kept end
  if name ~= nil then copy[name] = value end
  return copy
end

-- Gives the copies of a value that lack one member or element each, nested ones too.
local function smaller(value)
  local variants = {}
  for name, member in pairs(value) do
    local without = replaced(value, name, nil)
    if math.type(name) then
      without = replaced(value)
      table.remove(without, name)
    end
    variants[#variants + 1] = without
    if type(member) == "table" and member ~= json.null then
      for _, variant in ipairs(smaller(member)) do
        variants[#variants + 1] = replaced(value, name, variant)
      end
    end
  end
  return variants
end

-- Gives the smallest request found that still fails.
function generate.shrink(request, still_fails)
  local again = true
  while again do
    again = false
    for _, field in ipairs { "json", "query" } do
      local value = request[field]
      for _, variant in ipairs(type(value) == "table" and value ~= json.null and smaller(value) or {}) do
        local candidate = replaced(request, field, variant)
        if still_fails(candidate) then
          request, again = candidate, true
          break
        end
      end
    end
  end
  return request
end

return generate
