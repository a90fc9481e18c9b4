-- SPDX-License-Identifier: MIT
-- The writers under load: a disk that stands still holds up no read, and each database has one connection that writes.
local check = require "spec.support.check"
local gateway = require "spec.support.gateway"
local ledger = require "spec.support.ledger"
local lfs = require "lfs"
local mixed = require "spec.support.mixed"

local long <const> = os.getenv "OPP_LONG"

describe("a disk that stands still", function()
  local g, app, faults

  setup(function()
    faults = gateway.make_dir()
    g = gateway.start { program = gateway.faulty_program(), environment = { "OPP_FAULT_DIR=" .. faults } }
    app = g:open_app()
    ledger.execute(app.client, ledger.create())
  end)
  teardown(function()
    os.remove(faults .. "/stall")
    gateway.stop(g)
    os.execute(("rm -r '%s'"):format(faults))
  end)

  local function stall(on)
    if on then
      gateway.write_file(faults .. "/stall", "")
    else
      os.remove(faults .. "/stall")
    end
  end

  -- Connections enough that every worker has some of them.
  it("holds up no read on any worker", function()
    local writes = {}
    stall(true)
    for i = 1, 16 do
      writes[i] = app.client:start(ledger.request(ledger.create { execute = true }))
    end
    for _ = 1, 40 do
      local client = g:agent_client(app.token)
      for _, path in ipairs { "/transactions", "/manifest", "/drafts" } do
        check.ok(client:get(path))
      end
      assert.equal(200, g:client(""):get("/healthz").status)
      client:close()
    end
    assert.is_nil(writes[1]:finish(0.01), "a write was answered that was not on the disk")
    stall(false)
    for i = 1, #writes do
      assert.equal("executed", check.ok(assert(writes[i]:finish())).status)
    end
  end)

  if long then
    it("lets reads wait for room in the trail, and memory grow no further", function()
      local function resident()
        return tonumber(gateway.read_file(("/proc/%d/status"):format(g.pid)):match("VmRSS:%s*(%d+)"))
      end
      stall(true)
      local refused, before = 0, resident()
      for _ = 1, 40000 do
        local answer = app.client:get("/transactions", { limit = 1 })
        refused = refused + (answer.status == 503 and 1 or 0)
        if refused == 100 then
          break
        end
      end
      assert.equal(100, refused)
      print(("reads refused by a full queue; memory grew from %d to %d KiB"):format(before, resident()))
      assert(resident() - before < 64 * 1024)
      stall(false)
      gateway.eventually("reads are answered again", function()
        return app.client:get("/transactions", { limit = 1 }).status == 200
      end)
    end)
  end
end)

describe("each database", function()
  it("has one connection that ever writes it, and that takes its lock at once", function()
    local faults = gateway.make_dir()
    local g = gateway.start { program = gateway.faulty_program(), environment = { "OPP_FAULT_DIR=" .. faults } }
    local load = mixed.of(g)
    local round = load.round()
    local pipe = io.popen(("sleep 0.2; %s backup '%s' --data '%s' 2>&1"):format(gateway.program(), g:file("backup"),
      g.data))
    load.run(round, 1)
    local said = pipe:read("a")
    assert(pipe:close(), said)
    g:restart()
    load.verify(round)
    check.ok(g.admin:post("/policies/reload"))
    gateway.stop(g)
    assert.is_nil(gateway.read_file(faults .. "/violations"))
    assert(lfs.rmdir(faults))
  end)
end)
