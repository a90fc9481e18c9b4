-- SPDX-License-Identifier: MIT
-- oppd check and oppd facts: what an operator's own CI asks before the gateway does.
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"

describe("oppd check", function()
  local dir

  before_each(function()
    dir = gateway.make_dir()
    os.execute(("mkdir -p '%s/policies/mine/lib' '%s/adapters'"):format(dir, dir))
    gateway.write_file(dir .. "/policies/mine/profile.lua", "return { description = 'A test.' }\n")
  end)
  after_each(function() os.execute(("rm -r '%s'"):format(dir)) end)

  local function check(rules, flags)
    gateway.write_file(dir .. "/policies/mine/10-rules.lua", rules)
    return gateway.run(("check --policies '%s/policies' --profile mine %s"):format(dir, flags or ""))
  end

  local function refused(rules, message)
    local output, code = check(rules)
    assert.equal(1, code, output)
    assert.is_truthy(output:find(dir .. "/policies/mine/10-rules.lua:" .. message, 1, true), output)
    return output
  end

  local rule = "return {\n  { name = 'r', tools = { 'transaction.delete' },\n    %s },\n}\n"

  it("is content with the profiles that are shipped", function()
    for _, profile in ipairs { "default", "strict" } do
      local output, code = gateway.run("check --profile " .. profile)
      assert.equal(0, code, output)
      assert.is_truthy(output:find("The profile " .. profile .. ": 7 tools, %d+ tests, 0 failed; 0 issues, 0 warnings"))
    end
  end)

  it("leaves no file behind", function()
    local before = gateway.run("version") and io.popen("ls -a"):read("a")
    gateway.run("check")
    assert.equal(before, io.popen("ls -a"):read("a"))
  end)

  it("says the file and line of what does not compile", function()
    refused("return {\n  { name = \n}\n", "3: ")
  end)

  it("names a misspelt field of the request", function()
    refused(rule:format "decide = function(request)\n      return request.paylod.title and nil\n    end",
      "4: no request that decide is given has a field request.paylod")
  end)

  it("names a misspelt fact of a tool", function()
    refused(rule:format "decide = function(request)\n      return request.impact.transaction.amount and nil\n    end",
      "4: none of the rule's tools has request.impact.transaction.amount")
    refused(rule:format "decide = function(request)\n      return request.state.update_at and nil\n    end",
      "4: none of the rule's tools has request.state.update_at")
  end)

  it("names a global that is not there, an unknown field and an unknown tool", function()
    refused(rule:format "decide = function() return dney('x') end", "3: the global 'dney' is not defined")
    refused("return {\n  { name = 'r', tools = { '*' }, decid = true, decide = function() end },\n}\n", "2: ")
    refused("return {\n  { name = 'r', tools = { 'no.such' }, decide = function() end },\n}\n",
      "2: the rule 'r' is about the tool 'no.such', which does not exist")
  end)

  it("counts the tests and says which fail and why", function()
    local output = refused(rule:format [[decide = function() return deny("No.") end,
    tests = { { given = {}, expect = { "deny" } }, { given = {}, expect = { "draft" } } }]],
      [[3: test 2 of the rule 'r' fails: outcome is "deny", expected "draft"]])
    assert.is_truthy(output:find("2 tests, 1 failed; 1 issues, 0 warnings.", 1, true), output)
  end)

  it("warns and is content with a glob that matches nothing and a read that is drafted", function()
    local output, code = check [[
return {
  { name = "far", tools = { "mail.*" }, decide = function() end },
  { name = "read", tools = { "ledger.list" }, decide = function() return draft("Ask.") end,
    tests = { { phase = "read", expect = { "deny" } } } },
}
]]
    assert.equal(0, code, output)
    assert.is_truthy(output:find("10-rules.lua:2: warning: the rule 'far' is about 'mail.*'", 1, true), output)
    assert.is_truthy(output:find("10-rules.lua:3: warning: the rule 'read' drafts a read", 1, true), output)
  end)

  it("says every issue, not the first alone", function()
    local output = refused("return {\n  { name = 'a', tools = {} },\n  { name = 'b', tools = { 'no.such' },\n" ..
      "    decide = function() end },\n}\n", "4: the rule 'b'")
    local _, lines = output:gsub("10%-rules%.lua", "")
    assert.is_true(lines >= 2, output)
  end)

  it("says what is wrong with an adapter, and with SQL that would only fail at the start", function()
    local init = [[return { name = "notes", description = "Notes.",
      databases = { notes = { file = "notes.db", migrations = { "001.sql" } } },
      tools = { { name = "note.list", kind = "read", description = "Notes.", scopes = { "note.read" },
        http = { method = "GET", path = "/notes" }, read = function() return {} end } } }]]
    os.execute(("mkdir -p '%s/adapters/notes'"):format(dir))
    gateway.write_file(dir .. "/adapters/notes/init.lua", init)
    gateway.write_file(dir .. "/adapters/notes/001.sql", "CREATE TABLE notes(id TEXT);")
    local flags = ("--adapters '%s/adapters'"):format(dir)
    assert.equal(0, select(2, check("return {}\n", flags)))
    gateway.write_file(dir .. "/adapters/notes/001.sql", "CREATE TABEL notes(id TEXT);")
    local output, code = check("return {}\n", flags)
    assert.equal(1, code)
    assert.is_truthy(output:find("TABEL", 1, true), output)
    gateway.write_file(dir .. "/adapters/notes/init.lua", "return {\n  name = \n}")
    output, code = check("return {}\n", flags)
    assert.equal(1, code)
    assert.is_truthy(output:find("init.lua:3: ", 1, true), output)
  end)

  it("says that a profile or directory is not there", function()
    local output, code = gateway.run("check --profile nobody")
    assert.equal(1, code)
    assert.is_truthy(output:find("policies/nobody: there is no policy profile 'nobody'", 1, true), output)
    output, code = gateway.run("check --adapters /nowhere")
    assert.equal(1, code)
    assert.is_truthy(output:find("/nowhere", 1, true), output)
  end)

  it("takes what oppd.yaml says", function()
    gateway.write_file(dir .. "/oppd.yaml", ("policies: %s/policies\nprofile: mine\n"):format(dir))
    gateway.write_file(dir .. "/policies/mine/10-rules.lua", "return {}\n")
    local output, code = gateway.run(("check --config '%s/oppd.yaml'"):format(dir))
    assert.equal(0, code, output)
    assert.is_truthy(output:find("The profile mine", 1, true), output)
  end)

  it("shows rules in tests the very draft and reviewer that the gateway shows them", function()
    local output, code = check(rule:format [[decide = function(request)
      if request.phase == "approve" and request.draft.approvals_given == 0 and request.draft.approved_by[1] == nil
          and request.draft.created_at < request.draft.expires_at and request.reviewer.roles[1] == "owner" then
        return draft("Two.", { approvals = request.draft.approvals_required + 1 })
      end
    end,
    tests = { { phase = "approve", given = { draft = { expires_at = 10, approvals_required = 1 },
      reviewer = { roles = { "owner" } } }, expect = { "draft", approvals = 2 } } }]])
    assert.equal(0, code, output)
    refused(rule:format [[decide = function(request) return request.phase == "approve" and request.draft.approvals end,
    tests = { { phase = "approve", given = {}, expect = { "allow" } } }]], "3: ")
  end)
end)

describe("oppd facts", function()
  it("prints what rules may read of a tool's calls, with an example", function()
    local output, code = gateway.run("facts transaction.delete")
    assert.equal(0, code, output)
    local shown = json.decode(output)
    assert.same({ "transaction.delete", "action", "high" }, { shown.tool, shown.kind, shown.risk })
    assert.equal("number", shown.facts.properties.impact.properties.transaction.properties.amount_home.type)
    assert.equal(1, shown.example.impact.transaction.amount_home)
    assert.equal("resource_version", shown.example.state.kind)
  end)

  it("says that a tool declares none", function()
    local shown = json.decode((gateway.run("facts ledger.list")))
    assert.equal(json.null, shown.facts)
    assert.equal(json.null, shown.example)
  end)

  it("names the tool that was meant", function()
    local output, code = gateway.run("facts transaction.delet")
    assert.equal(2, code)
    assert.is_truthy(output:find("there is no tool transaction.delet; did you mean transaction.delete?", 1, true))
    output, code = gateway.run("facts")
    assert.equal(2, code)
    assert.is_truthy(output:find("oppd facts needs a TOOL; see oppd help facts", 1, true))
  end)
end)
