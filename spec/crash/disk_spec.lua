-- SPDX-License-Identifier: MIT
-- Disks that fail: a sync or an open that gives an error, no room, a directory that cannot be written, a database that
-- somebody else holds or that is damaged.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local lfs = require "lfs"
local mixed = require "spec.support.mixed"
local socket = require "socket"

local sanitized <const> = gateway.program():find "[at]san" ~= nil
local long <const> = os.getenv "OPP_LONG"
local seed <const> = tonumber(os.getenv "OPP_SEED") or 20261122
local unknown_exit <const>, killed_exit <const> = 70, 137

local function switch(dir, name, on)
  if on then
    gateway.write_file(dir .. "/" .. name, "")
  else
    os.remove(dir .. "/" .. name)
  end
end

describe("a sync that fails", function()
  -- A commit whose sync fails may or may not be on the disk: the gateway leaves at once, and knows at the next start.
  it("ends the gateway with nothing acknowledged that is not there", function()
    math.randomseed(seed)
    local g = gateway.start { program = gateway.faulty_program() }
    local load, left = mixed.of(g), 0
    local first <const>, last <const> = 1, long and 200 or sanitized and 4 or 10
    for i = first, last do
      local number = long and i or math.random(60)
      local round, up, code = load.round(), g:restart_if_it_can(("OPP_FAULT=sync:%d:eio"):format(number))
      if up then
        code = load.run(round, 3)
      end
      assert(code == unknown_exit or code == killed_exit or not up and code == 1, code)
      if code == unknown_exit then
        left = left + 1
        assert.is_truthy(g:log():find('"event":"store.commit_unknown"', 1, true))
      end
      g:restart()
      local ok, problem = pcall(load.verify, round)
      assert(ok, ("OPP_SEED=%d, sync %d: %s"):format(seed, number, tostring(problem)))
    end
    gateway.stop(g)
    assert(left > 0, left)
    if long then
      print(("%d of %d failing syncs were of commits"):format(left, last))
    end
  end)

  it("ends it within a second", function()
    local g = gateway.start { program = gateway.faulty_program(), environment = { "OPP_FAULT=sync:80:dead" } }
    local app = g:open_app()
    local began
    repeat
      began = socket.gettime()
      local answer = app.client:start({ method = "POST", path = "/actions",
        json = ledger.create { execute = true } }):finish()
    until not answer
    assert.equal(unknown_exit, g:await_end())
    assert(not long or socket.gettime() - began < 1)
    gateway.stop(g)
  end)
end)

describe("a full disk", function()
  local g, app, faults

  setup(function()
    faults = gateway.make_dir()
    g = gateway.start { program = gateway.faulty_program(), environment = { "OPP_FAULT_DIR=" .. faults } }
    app = g:open_app()
  end)
  teardown(function()
    switch(faults, "full", false)
    gateway.stop(g)
    os.execute(("rm -r '%s'"):format(faults))
  end)

  local function write(action) return app.client:post("/actions", action) end

  local function refused(response)
    check.refused(response, 503, "common.unavailable")
    assert.is_truthy(tonumber(response.headers["retry-after"]))
  end

  it("refuses writes, answers reads and health, and recovers by itself", function()
    local before, pid = #g:audit(), g.pid
    local action = ledger.keyed { execute = true }
    switch(faults, "full", true)
    for _ = 1, 3 do
      refused(write(action))
    end
    refused(g.admin:post("/apps", { scope = "workspace", name = "A", org_id = "org_demo", scopes = gateway.scopes }))
    assert.equal(200, g:client(""):get("/healthz").status)
    assert.equal(503, g:client(""):get("/readyz").status)
    local said, code = gateway.run(("backup '%s' --data '%s'"):format(g:file("backup"), g.data))
    assert.equal(1, code, said)
    assert.is_truthy(said:find("the audit trail does not take", 1, true), said)
    local reader = { appId = app.app.id, action = "agent.transaction.list" }
    local reads = #g:audit(reader) + 20
    for _ = 1, 20 do
      check.ok(app.client:get("/transactions"))
    end
    assert.equal(0, ledger.stored(g, action.payload.title), "no effect without its record")
    switch(faults, "full", false)
    local began = socket.gettime()
    gateway.eventually("it is ready again", function() return g:client(""):get("/readyz").status == 200 end)
    assert(not long or socket.gettime() - began < 5)
    gateway.eventually("each read that was answered has its row", function() return #g:audit(reader) == reads end)
    local answer = check.ok(write(action))
    assert.equal("executed", answer.status)
    assert.equal(pid, g.pid)
    assert.equal(1, ledger.count(app.client, action.payload.title))
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    assert.is_true(#g:audit() > before)
  end)

  -- The effect's own database has no room, and the gateway's has.
  it("of an adapter's database is a failed execution without an effect", function()
    local action = ledger.keyed { execute = true }
    g:restart { "OPP_FAULT=write:1:full:ledger.db" }
    local answer = write(action)
    assert.is_true(answer.status == 502 or answer.status == 503, answer.status)
    gateway.eventually("the outcome is recorded", function()
      local rows = db.rows(g.data .. "/gateway.db", "SELECT status FROM executions WHERE idempotency_key = :key",
        { key = action.idempotencyKey })
      return #rows == 0 or rows[1].status == "failed"
    end)
    assert.equal(0, ledger.count(app.client, action.payload.title))
    assert.equal("executed", check.ok(write(action)).status)
    assert.equal(1, ledger.count(app.client, action.payload.title))
  end)
end)

describe("a database that another program holds", function()
  it("takes no writes until it is let go, while reads are answered", function()
    local g = gateway.start()
    local app, marker = g:open_app(), g:file("held")
    local holder = assert(io.popen(("sqlite3 '%s/gateway.db' >/dev/null 2>&1"):format(g.data), "w"))
    holder:write("BEGIN IMMEDIATE;\n.shell touch '" .. marker .. "'\n")
    holder:flush()
    gateway.eventually("it is held", function() return lfs.attributes(marker) end)
    local writing = app.client:start(ledger.request(ledger.create()))
    for _ = 1, 20 do
      check.ok(app.client:get("/transactions"))
    end
    check.refused(writing:finish(), 503, "common.unavailable")
    holder:close()
    gateway.eventually("it is ready again", function() return g:client(""):get("/readyz").status == 200 end)
    check.ok(app.client:post("/actions", ledger.create()))
    gateway.stop(g)
  end)
end)

describe("a gateway that cannot work", function()
  local g

  setup(function()
    g = gateway.start { program = gateway.faulty_program() }
    ledger.execute(g:open_app().client, ledger.create())
  end)
  after_each(function() g:restart() end)
  teardown(function() gateway.stop(g) end)

  -- Starts it in vain; what it says names the file.
  local function refuses(file, environment)
    if g.pid then
      g:terminate()
    end
    local before = #g:log()
    local code = g:restart_in_vain(environment)
    local said = g:log():sub(before + 1)
    assert.equal(1, code, said)
    assert.is_truthy(said:find(file, 1, true), said)
    return said
  end

  local function with_bytes(file, offset, bytes, fn)
    local path = g.data .. "/" .. file
    g:terminate()
    local kept = assert(gateway.read_file(path))
    gateway.write_file(path, kept:sub(1, offset) .. bytes .. kept:sub(offset + #bytes + 1))
    local ok, problem = pcall(fn)
    gateway.write_file(path, kept)
    assert(ok, problem)
  end

  -- Runs oppd where the data of the stopped gateway cannot be written. Root may write anywhere, so that modes alone
  -- would show nothing.
  local function read_only(command)
    local mount = ("mount --bind '%s' '%s' && mount -o remount,ro,bind '%s'"):format(g.data, g.data, g.data)
    if not os.execute(("unshare -rm sh -c \"%s\" 2>/dev/null"):format(mount)) then
      pending("no mount namespaces here")
    end
    g:terminate()
    local pipe = io.popen(("unshare -rm sh -c \"%s && exec %s %s --data '%s'\" 2>&1"):format(
      mount, gateway.program(), command, g.data))
    local said = pipe:read("a")
    local _, _, code = pipe:close()
    return said, code
  end

  it("because its data directory cannot be written says so and ends", function()
    local said, code = read_only("serve --listen 127.0.0.1:0")
    assert.equal(1, code, said)
    assert.is_truthy(said:find(g.data, 1, true), said)
    assert.is_truthy(said:find("ead-only", 1, true), said)
  end)

  it("because its data directory cannot be written can still be looked into", function()
    local said, code = read_only("audit verify")
    assert.equal(0, code, said)
    assert.is_truthy(said:find("The trail holds: ", 1, true), said)
  end)

  for _, file in ipairs { "gateway.db", "ledger.db" } do
    it("because it cannot open " .. file .. " says so and ends", function()
      refuses(file, "OPP_FAULT=open:1:dead:" .. file)
    end)

    it("because another program holds " .. file .. " says so and ends", function()
      g:terminate()
      local holder = assert(io.popen(("sqlite3 '%s' >/dev/null 2>&1"):format(g.data .. "/" .. file), "w"))
      local marker = g:file("held")
      holder:write("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; SELECT 1 FROM sqlite_schema;\n.shell touch '"
        .. marker .. "'\n")
      holder:flush()
      gateway.eventually("it is held", function() return lfs.attributes(marker) end)
      local said = refuses(file)
      holder:close()
      os.remove(marker)
      assert.is_truthy(said:find("locked", 1, true), said)
    end)

    it("because " .. file .. " is no database says so and ends", function()
      with_bytes(file, 0, ("garbage!"):rep(16), function()
        assert.is_truthy(refuses(file):find("not a database", 1, true))
      end)
    end)

    it("because pages of " .. file .. " are damaged says so and ends", function()
      local size = lfs.attributes(g.data .. "/" .. file, "size")
      with_bytes(file, 4096, ("\xff\xa5\x00\x13"):rep((size - 4096) // 4), function()
        local said = refuses(file)
        assert.is_truthy(said:find("damaged", 1, true) or said:find("malformed", 1, true), said)
        for _, command in ipairs(file == "gateway.db" and { "audit verify", "audit export", "evidence drf_1" } or {}) do
          local told, code = gateway.run(("%s --data '%s'"):format(command, g.data))
          assert.equal(1, code, told)
          assert.is_truthy(told:find(file, 1, true), command .. ": " .. told)
        end
      end)
    end)

    it("because the disk refuses every write to " .. file .. " at its start says so and ends", function()
      g:terminate()
      local data = g.data
      g.data = g:file("new")
      local before = #g:log()
      assert.equal(1, g:restart_in_vain("OPP_FAULT=write:1:dead:" .. file))
      assert.is_truthy(g:log():sub(before + 1):find(file, 1, true))
      os.execute(("rm -r '%s'"):format(g.data))
      g.data = data
    end)
  end
end)
