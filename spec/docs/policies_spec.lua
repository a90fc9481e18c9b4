-- SPDX-License-Identifier: MIT
-- The rules on docs/policies.md, each alone and all together on a running gateway.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local pages = require "spec.support.pages"

local path = "docs/policies.md"

describe(path, function()
  local blocks, rules = pages.blocks(path), {}
  for _, block in ipairs(blocks) do
    if block.kind == "lua" then
      rules[#rules + 1] = block
    end
  end
  local dir

  setup(function()
    dir = gateway.make_dir()
    pages.write_files(blocks, dir, "policies")
    os.execute(("cp -r policies/default '%s/policies/default'"):format(dir))
  end)
  teardown(function() os.execute(("rm -r '%s'"):format(dir)) end)

  it("shows a profile and a file of rules for each of its subjects", function()
    assert.equal(7, #rules)
    for i, block in ipairs(rules) do
      assert.is_truthy(block.text:find("^%-%- policies/mine/"), block.line)
      assert.is_truthy(i == 1 or block.text:find("tests = {", 1, true), block.line)
    end
  end)

  for i, block in ipairs(rules) do
    it("is right in line " .. block.line, function()
      local alone = gateway.make_dir()
      finally(function() os.execute(("rm -r '%s'"):format(alone)) end)
      os.execute(("cp -r policies/default '%s/default'; mkdir '%s/mine'"):format(alone, alone))
      for _, part in ipairs { rules[1], block } do
        gateway.write_file(alone .. "/" .. part.text:match("^%-%- policies/(%S+)"), part.text)
      end
      local output, code = gateway.run(("check --profile mine --policies '%s'"):format(alone))
      assert.equal(0, code, output)
      local tests = tonumber(output:match("(%d+) tests, 0 failed; 0 issues, 0 warnings"))
      assert.is_true(tests ~= nil and (tests > 0 or i == 1), output)
    end)
  end

  it("names every obligation, phase and field that there are", function()
    local text = gateway.read_file(path)
    for _, word in ipairs { "approvals", "expires_in", "require", "redact", "max_rows", "max_days", "limit", "discover",
      "read", "preflight", "action", "approve", "execute", "tool", "app", "key", "actor", "payload", "resources",
      "impact", "draft", "reviewer", "justification" } do
      assert.is_truthy(text:find("`" .. word, 1, true), word)
    end
  end)

  it("says what happens", function()
    local g = gateway.start { policies = dir .. "/policies", flags = { "--profile", "mine" } }
    finally(function() gateway.stop(g) end)
    local names = {}
    for _, tool in ipairs(check.ok(g.agent:get("/manifest")).tools) do names[tool.name] = true end
    assert.is_nil(names["transaction.hard_delete"])
    local hard = { action = "transaction.hard_delete", payload = { transactionId = "txn_1" } }
    local response = g.agent:post("/actions", hard)
    check.refused(response, 403, "agent.policy_denied")
    assert.equal("Nothing is deleted for good here.", response.body.message)
    local list = check.ok(g.agent:get("/transactions", { ledgerId = "ledger_main" }))
    assert.is_true(#list.items > 0 and #list.items <= 100)
    local open = g:open_app()
    local rich = ledger.make(open.client, { amount_home = 5000 })
    local draft = ledger.draft(open.client, ledger.update(rich.id, { title = "Two" }, { execute = true }))
    assert.same({ required = 2, given = 0 }, draft.approvals)
    assert.same({ "Over 1000, two people decide." }, draft.policy.reasons)
    local reloaded = check.ok(g.admin:post("/policies/reload"))
    assert.equal("mine", reloaded.active.profile)
  end)
end)
