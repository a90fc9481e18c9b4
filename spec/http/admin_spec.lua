-- SPDX-License-Identifier: MIT
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"

describe("the administration of apps, keys and tokens", function()
  local g

  setup(function() g = gateway.start() end)
  teardown(function() gateway.stop(g) end)

  local function get(path, query) return check.ok(g.admin:get(path, query)) end
  local function post(path, body) return check.ok(g.admin:post(path, body)) end

  local app_members <const> = { "id", "scope", "status", "name", "description", "user_id", "org_id",
    "service_user_id", "scopes", "policy", "auto_execute", "created_by", "created_at", "updated_at" }
  local key_members <const> = { "id", "name", "token_prefix", "last_used_at", "expires_at", "revoked_at", "created_at" }

  it("makes a workspace app with its key, and shows the token once", function()
    local made = post("/apps", { scope = "workspace", name = "Books", org_id = "org_demo", scopes = { "ledger.read" },
      key = { name = "first" } })
    check.members(made.app, app_members)
    check.members(made.key, key_members)
    assert.same({ "svc_org_demo", "active", "first" }, { made.app.service_user_id, made.app.status, made.key.name })
    assert.is_truthy(made.token:find("^op_"))
    assert.equal(made.key.token_prefix, made.token:sub(1, #made.key.token_prefix))
    assert.is_true(#made.key.token_prefix <= 12)
    assert.is_nil(g.admin:get("/apps/" .. made.app.id).text:find(made.token, 1, true))
  end)

  it("makes an app whole or not at all", function()
    local before = #get("/apps", { limit = 500 }).items
    for _, body in ipairs {
      { scope = "workspace", name = "x" }, { scope = "galaxy", name = "x", org_id = "o" }, { scope = "personal" },
      { scope = "workspace", name = "", org_id = "o" },
      { scope = "workspace", name = "x", org_id = "o", policy = { data = { max_days = 0 } } },
      { scope = "workspace", name = "x", org_id = "o", auto_execute = { writes = { enabled = 1 } } },
      { scope = "workspace", name = "x", org_id = "o", key = { name = "k", expiresAt = "tomorrow" } },
    } do
      check.refused(g.admin:post("/apps", body), 400, "common.validation")
    end
    local ended = { scope = "personal", name = "x", key = { name = "k", expiresAt = "2020-01-01T00:00:00Z" } }
    assert.equal("/key/expiresAt",
      check.refused(g.admin:post("/apps", ended), 400, "common.validation").issues[1].pointer)
    local many = {}
    for i = 1, 61 do many[i] = "scope." .. i end
    check.refused(g.admin:post("/apps", { scope = "workspace", name = "x", org_id = "o", scopes = many }), 400,
      "common.validation")
    assert.equal(before, #get("/apps", { limit = 500 }).items)
  end)

  it("takes scopes that no tool knows, with a warning", function()
    local scopes = { "ledger.read", "moon.walk" }
    local made = post("/apps", { scope = "workspace", name = "x", org_id = "o", scopes = scopes })
    assert.is_truthy(json.encode(made.warnings):find("moon.walk", 1, true))
    assert.equal(2, #made.app.scopes)
  end)

  it("makes a personal app act as the person who made it, unless told otherwise", function()
    local whoami = get("/whoami")
    assert.equal(whoami.user_id, post("/apps", { scope = "personal", name = "mine" }).app.user_id)
    assert.equal("user_x", post("/apps", { scope = "personal", name = "x", user_id = "user_x" }).app.user_id)
  end)

  it("lists apps with their keys, newest first, in pages", function()
    local made = { g:app { name = "one" }, g:app { name = "two" }, g:app { name = "three" } }
    local page = get("/apps", { limit = 2 })
    assert.same({ made[3].app.id, made[2].app.id }, { page.items[1].id, page.items[2].id })
    assert.equal(made[3].key.id, page.items[1].keys[1].id)
    local rest = get("/apps", { limit = 500, cursor = page.nextCursor })
    assert.equal(made[1].app.id, rest.items[1].id)
    assert.equal(json.null, rest.nextCursor)
    check.refused(g.admin:get("/apps", { limit = 501 }), 400, "common.validation")
    check.refused(g.admin:get("/apps", { limit = 0 }), 400, "common.validation")
  end)

  it("changes name, description and scopes, and nothing else", function()
    local app = g:app().app
    local changed = check.ok(g.admin:patch("/apps/" .. app.id, { name = "New", description = "For the books" }))
    changed = changed.app or changed
    assert.same({ "New", "For the books" }, { changed.name, changed.description })
    local seen = get("/apps/" .. app.id)
    seen = seen.app or seen
    assert.same({ "New", #gateway.scopes, "org_demo" }, { seen.name, #seen.scopes, seen.org_id })
  end)

  it("does not know what does not exist", function()
    for _, path in ipairs { "/apps/app_none", "/apps/app_none/tools", "/tools/no.such.tool" } do
      check.refused(g.admin:get(path), 404, "agent.not_found")
    end
    for _, path in ipairs { "/apps/app_none/keys", "/apps/app_none/revoke", "/keys/key_none/revoke",
      "/keys/key_none/rotate", "/tokens/adm_none/revoke" } do
      check.refused(g.admin:post(path), 404, "agent.not_found")
    end
    check.refused(g.admin:patch("/apps/app_none/policy", json.object {}), 404, "agent.not_found")
    check.refused(g.admin:delete("/apps/app_none"), 404, "agent.not_found")
  end)

  it("gives an app more keys, and revokes one without the others", function()
    local app = g:app()
    local second = post("/apps/" .. app.app.id .. "/keys", { name = "second" })
    check.members(second.key, key_members)
    local answer = post("/keys/" .. app.key.id .. "/revoke")
    assert.is_true(answer.ok)
    check.timestamp(answer.key.revoked_at)
    check.refused(app.client:get("/manifest"), 401, "agent.token_invalid")
    check.ok(g:agent_client(second.token):get("/manifest"))
  end)

  it("notices when a key is used", function()
    local app = g:app()
    assert.equal(json.null, app.key.last_used_at)
    check.ok(app.client:get("/manifest"))
    gateway.eventually("last_used_at is set", function()
      local listed = check.find(get("/apps", { limit = 500 }).items, { id = app.app.id })
      return listed.keys[1].last_used_at ~= json.null
    end)
  end)

  it("rotates a key: the old one's drafts live on", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    local rotated = post("/keys/" .. app.key.id .. "/rotate", { overlapSeconds = 0 })
    check.refused(app.client:get("/manifest"), 401)
    local row = check.find(g:audit { action = "agent_key.rotate" }, { key_id = rotated.key.id })
    assert.equal(app.key.id, row.details.rotatedKeyId)
    local client = g:agent_client(rotated.token)
    assert.equal("draft", check.ok(client:get("/drafts/" .. draft.id)).draft.status)
    assert.equal("confirmed", ledger.approve(g.admin, draft).draftStatus)
  end)

  it("lets both keys work while they overlap", function()
    local app = g:app()
    local rotated = post("/keys/" .. app.key.id .. "/rotate", { overlapSeconds = 3600 })
    check.ok(app.client:get("/manifest"))
    check.ok(g:agent_client(rotated.token):get("/manifest"))
  end)

  it("takes an overlap that is written with a fraction of zero for what it is", function()
    local app = g:app()
    local path = "/keys/" .. app.key.id .. "/rotate"
    check.ok(g.admin:request { method = "POST", path = path, body = '{"overlapSeconds": 3.6e3}' })
    check.ok(app.client:get("/manifest"))
  end)

  it("gives a rotated key the end that is named, and none otherwise", function()
    local app = g:app()
    local path, ends = "/keys/" .. app.key.id .. "/rotate", "2099-01-01T00:00:00.000Z"
    assert.equal(ends, post(path, { expiresAt = ends }).key.expires_at)
    assert.equal(json.null, post(path).key.expires_at)
    check.refused(g.admin:post(path, { expiresAt = "2020-01-01T00:00:00Z" }), 400, "common.validation")
  end)

  it("refuses an end under another name, which would be none", function()
    local app, soon = g:app(), "2099-01-01T00:00:00.000Z"
    local function refused(path, body, pointer)
      assert.equal(pointer, check.refused(g.admin:post(path, body), 400, "common.validation").issues[1].pointer)
    end
    refused("/apps/" .. app.app.id .. "/keys", { expires_at = soon }, "/expires_at")
    refused("/keys/" .. app.key.id .. "/rotate", { expires_at = soon }, "/expires_at")
    refused("/keys/" .. app.key.id .. "/rotate", { overlap_seconds = 0 }, "/overlap_seconds")
    refused("/apps", { scope = "personal", name = "a", key = { expires_at = soon } }, "/key/expires_at")
    refused("/tokens", { user_id = "u", name = "n", roles = { "viewer" }, expiresAt = soon }, "/expiresAt")
  end)

  it("revokes an app with its keys and drafts, and brings back the app alone", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    local revoked = post("/apps/" .. app.app.id .. "/revoke")
    assert.same({ true, "revoked" }, { revoked.ok, revoked.app.status })
    assert.equal("canceled", get("/drafts/" .. draft.id).draft.status)
    check.refused(app.client:get("/manifest"), 401, "agent.token_invalid")
    assert.equal("active", post("/apps/" .. app.app.id .. "/restore").app.status)
    check.refused(app.client:get("/manifest"), 401, "agent.token_invalid")
  end)

  it("deletes only a revoked app, and keeps its drafts and audit rows", function()
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    ledger.approve(g.admin, draft)
    check.refused(g.admin:delete("/apps/" .. app.app.id), 400)
    post("/apps/" .. app.app.id .. "/revoke")
    local deleted = check.ok(g.admin:delete("/apps/" .. app.app.id))
    assert.same({ true, app.app.id, true }, { deleted.ok, deleted.app.id, deleted.app.deleted })
    check.refused(g.admin:get("/apps/" .. app.app.id), 404, "agent.not_found")
    assert.is_nil(check.find(get("/apps", { limit = 500 }).items, { id = app.app.id }))
    assert.equal("confirmed", get("/drafts/" .. draft.id).draft.status)
    assert.is_true(#g:audit { appId = app.app.id } > 0)
  end)

  it("says what tools an app can call", function()
    local app = g:app { scopes = { "ledger.read" } }
    local items = get("/apps/" .. app.app.id .. "/tools").items
    assert.equal(1, #items)
    check.members(items[1], { "name", "description", "risk", "requiredScopes", "requiresConfirmation", "http" })
    assert.equal("ledger.list", items[1].name)
  end)

  it("describes every tool with an example", function()
    local items = get("/tools").items
    assert.equal(7, #items)
    assert.is_table(get("/tools/transaction.delete"))
  end)

  it("gives people tokens, shown once, that can be revoked", function()
    local made = g:person("user_anna", { "viewer" })
    check.members(made.admin_token, { "id", "user_id", "name", "roles", "org_ids", "token_prefix", "expires_at",
      "last_used_at", "revoked_at", "created_at" })
    assert.is_truthy(made.token:find("^opa_"))
    local me = check.ok(made.client:get("/whoami"))
    assert.same({ "user_anna", "viewer" }, { me.user_id, me.roles[1] })
    assert.is_table(check.find(get("/tokens").items, { id = made.admin_token.id }))
    post("/tokens/" .. made.admin_token.id .. "/revoke")
    check.refused(made.client:get("/whoami"), 401, "agent.token_invalid")
    check.refused(g.admin:post("/tokens", { user_id = "u", name = "n", roles = { "king" } }), 400, "common.validation")
    check.refused(g.admin:post("/tokens", { user_id = "u", name = "n", roles = json.array {} }), 400)
  end)

  it("shows a person of one organisation nothing of another", function()
    local anna = g:person("user_anna", { "reviewer", "operator" }, { "org_other" }).client
    local app = g:app()
    local draft = ledger.draft(app.client, ledger.create())
    check.refused(anna:get("/apps/" .. app.app.id), 404, "agent.not_found")
    check.refused(anna:get("/drafts/" .. draft.id), 404, "agent.draft_not_found")
    check.refused(anna:post("/drafts/" .. draft.id .. "/approve"), 404, "agent.draft_not_found")
    check.refused(anna:post("/keys/" .. app.key.id .. "/revoke"), 404, "agent.not_found")
    for _, path in ipairs { "/apps", "/drafts", "/audit" } do
      assert.is_nil(anna:get(path, { limit = 500 }).text:find(app.app.id, 1, true), path)
    end
    assert.equal("draft", get("/drafts/" .. draft.id).draft.status)
  end)

  it("does not take a blank for an organisation or a person", function()
    for _, fields in ipairs { { scope = "workspace", org_id = " " }, { scope = "personal", user_id = "\t" } } do
      fields.name = "Blank"
      check.refused(g.admin:post("/apps", fields), 400, "common.validation")
    end
    check.refused(g.admin:post("/tokens", { user_id = " ", name = "x", roles = { "viewer" } }), 400,
      "common.validation")
  end)

  it("makes a service user for the longest name of an organisation", function()
    local org = ("\u{10348}"):rep(255)
    local made = check.ok(g.admin:post("/apps", { scope = "workspace", name = "Long", org_id = org }))
    assert.equal("svc_" .. org, made.app.service_user_id)
  end)

  it("lists to an owner of some organisations only tokens that reach no further", function()
    g:person("of_another_org", { "viewer" }, { "org_demo", "org_other" })
    g:person("of_all_orgs", { "viewer" })
    g:person("of_this_org", { "viewer" }, { "org_demo" })
    local seen = {}
    for _, token in ipairs(check.ok(g:person("limited", { "owner" }, { "org_demo" }).client:get("/tokens")).items) do
      seen[token.user_id] = true
    end
    assert.same({ of_this_org = true, limited = true }, { of_this_org = seen.of_this_org, limited = seen.limited })
    assert.is_nil(seen.of_another_org)
    assert.is_nil(seen.of_all_orgs)
  end)

  it("takes no body where every field of it is optional", function()
    local app = g:app()
    assert.equal(200, g.admin:post("/apps/" .. app.app.id .. "/keys").status)
    assert.equal(200, g.admin:post("/drafts/" .. ledger.draft(app.client, ledger.create()).id .. "/reject").status)
  end)
end)
