-- SPDX-License-Identifier: MIT
-- Secrets that come in where they do not belong leave no trace: not in files, not in the log, not in answers.
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local lfs = require "lfs"

describe("a secret", function()
  local g, answers, canaries, kept

  -- A word that is nowhere else, and is remembered.
  local function canary(where)
    local word = ("Canary%dQ%s"):format(#canaries + 1, where)
    canaries[#canaries + 1] = word
    return word
  end

  local function ask(client, request)
    answers[#answers + 1] = client:request(request).text
  end

  local function raw(bytes)
    local conn = connection.open(g.address)
    conn:send(bytes)
    local response = conn:receive("GET", 10)
    answers[#answers + 1] = response and response.text or ""
    conn:close()
  end

  local function with_header(name, value)
    ask(g.agent, { method = "GET", path = "/ledgers", headers = { [name] = value } })
    ask(g.admin, { method = "GET", path = "/apps", headers = { [name] = value } })
  end

  local function headers()
    for _, name in ipairs { "Cookie", "Proxy-Authorization", "X-Api-Key", "Referer", "Origin", "X-Forwarded-For",
      "If-None-Match", "Last-Event-ID" } do
      with_header(name, canary(name:gsub("-", "")))
    end
    with_header("Authorization", "Bearer " .. canary "bearer")
    with_header("Authorization", "Basic " .. canary "basic")
    with_header("Authorization", "Bearer " .. g.agent.token .. canary "long")
    ask(g.agent, { method = "POST", path = "/actions", body = "{}", headers = { ["Content-Type"] = canary "type" } })
    ask(g.agent, { method = "POST", path = "/actions", json = ledger.create(),
      headers = { ["Idempotency-Key"] = canary "key" .. ("\u{e4}"):rep(3) } })
  end

  local function bodies()
    ask(g.agent, { method = "POST", path = "/actions", body = '{"action": "' .. canary "broken" })
    ask(g.agent, { method = "POST", path = "/actions", json = { action = { canary "typed" } } })
    ask(g.agent, { method = "POST", path = "/actions", json = ledger.create({ password = canary "unknown" }) })
    ask(g.agent, { method = "POST", path = "/actions", json = ledger.create(nil, { amount_home = canary "amount" }) })
    ask(g.agent, { method = "POST", path = "/preflight", json = ledger.create(nil, { kind = canary "enum" }) })
    ask(g.admin, { method = "POST", path = "/apps", json = { scope = canary "scope", name = "x" } })
    ask(g.admin, { method = "POST", path = "/tokens", json = { user_id = "u", name = "n", roles = { canary "role" } } })
    ask(g.agent, { method = "POST", path = "/actions", body = ("x"):rep(300000) .. canary "large" })
  end

  local function targets()
    ask(g.agent, { method = "GET", path = "/ledgers", query = { token = canary "query" } })
    ask(g.admin, { method = "GET", path = "/audit", query = { cursor = canary "cursor" } })
    ask(g.agent, { method = "GET", path = "/drafts/" .. canary "id" })
    ask(g.admin, { method = "GET", path = "/" .. canary "path" })
    raw("GET /healthz HTTP/1.1\r\nHost: " .. canary "host" .. " bad\r\n\r\n")
    raw("GET /healthz HTTP/9.9" .. canary "version" .. "\r\n\r\n")
    raw(canary "method" .. " / HTTP/1.1\r\nHost: a\r\n\r\n")
  end

  setup(function()
    canaries, answers = {}, {}
    g = gateway.start { config = "log: { level: debug }\n" }
    headers()
    bodies()
    targets()
    kept = ledger.unique("Kept")
    check.ok(g.agent:post("/actions", ledger.create(nil, { title = kept })))
    for _, token in ipairs { g:app().token, g:person("user_x", { "viewer" }).token, g.agent.token, g.admin.token } do
      canaries[#canaries + 1] = token
    end
    g:restart()
    for _, row in ipairs(g:audit()) do answers[#answers + 1] = json.encode(row) end
    answers[#answers + 1] = json.encode(check.ok(g.admin:get("/audit/checkpoints")))
  end)
  teardown(function() gateway.stop(g) end)

  local function assert_clean(name, text)
    for _, word in ipairs(canaries) do
      assert.is_nil(text:find(word, 1, true), name .. " has " .. word)
    end
  end

  it("came in at more than twenty places", function()
    assert.is_true(#canaries >= 20 + 4)
  end)

  it("is in no file of the data directory", function()
    local files, all = 0, {}
    for name in lfs.dir(g.data) do
      local text = gateway.read_file(g.data .. "/" .. name)
      if text then
        files, all[#all + 1] = files + 1, text
        assert_clean(name, text)
      end
    end
    assert.is_true(files >= 3)
    assert.is_truthy(table.concat(all):find(kept, 1, true), "what is kept was not found either: the search is blind")
  end)

  it("is not in the log", function()
    assert_clean("the log", g:log())
  end)

  it("is in no answer and in no audit row", function()
    assert.is_true(#answers > 2 * 20)
    for _, text in ipairs(answers) do assert_clean("an answer", text) end
  end)
end)
