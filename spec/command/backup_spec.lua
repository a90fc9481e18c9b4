-- SPDX-License-Identifier: MIT
-- oppd backup and oppd restore: everything of one moment in one file, and a new data directory of it.
local check = require "spec.support.check"
local connection = require "spec.support.connection"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local http = require "spec.support.http"
local json = require "spec.support.json"
local ledger = require "spec.support.ledger"
local lfs = require "lfs"
local socket = require "socket"

local long <const> = os.getenv "OPP_LONG"
local before <const> = long and 2000 or 40 -- writes before the first backup
local sanitized <const> = gateway.program():find "[at]san" ~= nil

describe("a backup", function()
  local g, app

  setup(function()
    g = gateway.start()
    app = g:open_app()
  end)
  teardown(function() gateway.stop(g) end)

  local function file(name) return g:file(name) end

  local function backup(name) return gateway.run(("backup '%s' --data '%s'"):format(file(name), g.data)) end

  local function restore(name, dir)
    return gateway.run(("restore '%s' --data '%s'"):format(file(name), file(dir)))
  end

  local function made(name)
    local output, code = backup(name)
    assert.equal(0, code, output)
    return output
  end

  local function restored(name, dir)
    local output, code = restore(name, dir)
    assert.equal(0, code, output)
    return output
  end

  local function shell(command)
    local pipe = assert(io.popen(command .. " 2>&1"))
    local output = pipe:read("a")
    assert(pipe:close(), output)
    return output
  end

  local function rows(dir, sql)
    return db.rows(file(dir) .. "/gateway.db", ("ATTACH '%s/ledger.db' AS l;"):format(file(dir)) .. sql)
  end

  -- Executes action after action over a connection of its own until the backups are made, and one more after that.
  local function writer(written, made_file)
    return function()
      local conn = connection.open(g.address, coroutine.yield)
      local last
      repeat
        last = lfs.attributes(made_file) ~= nil
        local action, began = ledger.keyed { execute = true }, socket.gettime()
        local answer = assert(app.client:over(conn, ledger.request(action)))
        written.worst_s = math.max(written.worst_s, socket.gettime() - began)
        written[#written + 1] = { action = action, id = check.ok(answer).execution.id }
      until last
      conn:close()
    end
  end

  -- Backs up again and again while others write. Gives the names of the files, and what was written.
  local function back_up_during_writes(count)
    local commands, names, written, jobs = {}, {}, { worst_s = 0 }, {}
    for i = 1, before do
      local action = ledger.keyed { execute = true }
      written[i] = { action = action, id = ledger.execute(app.client, action).id }
    end
    for i = 1, count do
      names[i] = "during" .. i
      commands[i] = ("%s backup '%s' --data '%s'"):format(gateway.program(), file(names[i]), g.data)
    end
    written.began = socket.gettime()
    local pipe = assert(io.popen(("(%s) 2>&1; touch '%s'"):format(table.concat(commands, " && "),
      file("made"))))
    for i = 1, 8 do
      jobs[i] = writer(written, file("made"))
    end
    http.run(jobs)
    written.per_second = (#written - before) / (socket.gettime() - written.began)
    local output = pipe:read("a")
    assert.is_true(pipe:close())
    assert.equal(count, select(2, output:gsub("files, ", "")), output)
    return names, written
  end

  local function effects()
    local counts = {}
    local sql <const> = "SELECT title, count(*) AS n FROM transactions GROUP BY title"
    for _, row in ipairs(db.rows(g.data .. "/ledger.db", sql)) do
      counts[row.title] = row.n
    end
    return counts
  end

  -- What each database says happened, the other knows of.
  local function assert_one_moment(dir)
    assert.same({}, rows(dir, "SELECT e.id FROM executions e LEFT JOIN l.opp_receipts r USING (effect_id)"
      .. " WHERE e.status = 'success' AND r.effect_id IS NULL"), "a success has its receipt")
    assert.same({}, rows(dir, "SELECT effect_id FROM l.opp_receipts WHERE effect_id NOT IN"
      .. " (SELECT effect_id FROM executions)"), "a receipt has its claim")
  end

  local function move_to(data)
    g:terminate()
    g.data = data
    g:restart()
  end

  -- The executions that succeeded; there are none but these and failed ones.
  local function successes()
    local known = {}
    for _, row in ipairs(db.rows(g.data .. "/gateway.db", "SELECT id, status FROM executions")) do
      assert(row.status == "success" or row.status == "failed", row.status)
      known[row.id] = row.status == "success" or nil
    end
    return known
  end

  -- Repeats every key: what is known is replayed and the rest done now. Gives how many were not known.
  local function repeat_all(written)
    local known, requests, forgotten = successes(), {}, 0
    for i, write in ipairs(written) do
      requests[i] = ledger.request(write.action)
    end
    for i, answer in ipairs(http.parallel(app.client, requests, 8)) do
      local answered = check.ok(answer)
      assert.equal("executed", answered.status)
      assert.equal(known[written[i].id] or false, answered.execution.id == written[i].id)
      forgotten = forgotten + (known[written[i].id] and 0 or 1)
    end
    return forgotten
  end

  it("of a running gateway is one moment of all its databases, and no key applies twice afterwards", function()
    local names, written = back_up_during_writes(long and 20 or 3)
    local data = g.data
    for _, name in ipairs(names) do
      restored(name, name .. ".data")
      assert_one_moment(name .. ".data")
    end
    move_to(file(names[#names] .. ".data"))
    local forgotten, counts = repeat_all(written), effects()
    assert(forgotten > 0 and forgotten <= #written - before, forgotten)
    for _, write in ipairs(written) do
      assert.equal(1, counts[write.action.payload.title])
    end
    assert.is_true(check.ok(g.admin:get("/audit/verify")).ok)
    move_to(data)
    if long then
      print(("%d backups during %d writes, %.0f a second, the worst of which took %.1f ms"):format(#names,
        #written - before, written.per_second, written.worst_s * 1000))
      assert(sanitized or written.worst_s < 0.25)
    end
  end)

  it("is a ustar archive of mode 0600 whose manifest has the hash of each file", function()
    made("plain")
    assert.equal("rw-------", lfs.attributes(file("plain"), "permissions"))
    local manifest = json.decode(shell(("tar -xOf '%s' manifest.json"):format(file("plain"))))
    assert.same({ "oppd-backup", 1 }, { manifest.format, manifest.version })
    local names = {}
    for i, entry in ipairs(manifest.files) do
      names[i] = entry.name
      local hash = shell(("tar -xOf '%s' '%s' | sha256sum"):format(file("plain"), entry.name)):match("^%x+")
      assert.equal(entry.sha256, hash)
    end
    for _, name in ipairs { "gateway.db", "ledger.db", "audit.key" } do
      assert.is_table(check.find(manifest.files, { name = name }))
    end
    assert.same(shell(("tar -tf '%s'"):format(file("plain"))), table.concat(names, "\n") .. "\nmanifest.json\n")
    assert.equal("plain\n", shell(("cd '%s' && ls -d plain*"):format(g.dir)))
  end)

  it("is on record, in itself too", function()
    made("recorded")
    local row = g:audit({ action = "backup.create" })[1]
    assert.same({ "success", "cli", file("recorded") }, { row.status, row.performed_by_user_id, row.details.path })
    restored("recorded", "recorded.data")
    assert.equal(row.event_hash, rows("recorded.data", "SELECT event_hash FROM audit WHERE action = 'backup.create'"
      .. " ORDER BY seq DESC LIMIT 1")[1].event_hash)
  end)

  it("overwrites nothing", function()
    gateway.write_file(file("there"), "kept")
    local output, code = backup("there")
    assert.same({ 1, true }, { code, output:find("is there already", 1, true) ~= nil }, output)
    assert.equal("kept", gateway.read_file(file("there")))
    assert.equal("failed", g:audit({ action = "backup.create" })[1].status)
  end)

  it("says where it cannot be written", function()
    local output, code = backup("no/such/folder")
    assert.equal(1, code)
    assert.is_truthy(output:find("no/such/folder", 1, true), output)
  end)

  -- Runs oppd with files bounded to so many bytes: at the first larger one the kernel ends it, as kill -9 would.
  local function cut_off(bytes, arguments)
    local _, _, code = os.execute(("ulimit -f %d; exec %s %s >/dev/null 2>&1"):format(bytes // 512, gateway.program(),
      arguments))
    assert.is_true(code ~= 0)
  end

  local function size(path) return lfs.attributes(path).size end

  -- A gateway would not start on it, nor is anything made in it.
  local function refuses(dir, why)
    for _, command in ipairs { "serve --listen 127.0.0.1:0", "token create --user x --role owner",
      ("backup '%s'"):format(file("of_a_part")) } do
      local output, code = gateway.run(("%s --data '%s'"):format(command, file(dir)))
      assert.equal(1, code, output)
      assert.is_truthy(output:find(why, 1, true) or output:find("there is no data of a gateway", 1, true), output)
    end
  end

  it("that is ended in the middle leaves no file of its name", function()
    g:terminate()
    cut_off(size(g.data .. "/gateway.db") + 16384, ("backup '%s' --data '%s'"):format(file("half"), g.data))
    assert.is_nil(lfs.attributes(file("half")))
    made("half")
    cut_off((size(g.data .. "/gateway.db") + size(g.data .. "/ledger.db")) // 2,
      ("restore '%s' --data '%s'"):format(file("half"), file("half.data")))
    assert.is_truthy(lfs.attributes(file("half.data")))
    refuses("half.data", "restore did not end")
    g:restart()
  end)

  it("is what a data directory needs that has lost its database", function()
    made("found")
    restored("found", "lost.data")
    assert.is_nil(lfs.attributes(file("lost.data/unfinished")))
    assert(os.remove(file("lost.data/gateway.db")))
    refuses("lost.data", "the data of that gateway is missing")
    assert.is_nil(lfs.attributes(file("lost.data/gateway.db")))
  end)

  it("leaves a row where it was restored, behind all that it had", function()
    made("told")
    local count = tonumber(restored("told", "told.data"):match(", (%d+) rows"))
    local row = json.decode(rows("told.data", "SELECT row FROM audit ORDER BY seq DESC LIMIT 1")[1].row)
    assert.same({ "backup.restore", "success", "cli", count + 1 },
      { row.action, row.status, row.performed_by_user_id, row.seq })
    assert.is_truthy(row.details.asOf:find("^%d%d%d%d%-"))
    local output, code = gateway.run(("audit verify --data '%s'"):format(file("told.data")))
    assert.equal(0, code, output)
  end)

  it("of a gateway that is stopped is the same", function()
    ledger.execute(app.client, ledger.create())
    local count = #g:audit()
    g:terminate()
    made("stopped")
    assert.is_truthy(restored("stopped", "stopped.data"):find((", %d rows"):format(count), 1, true))
    local output, code = gateway.run(("backup '%s' --data '%s'"):format(file("nothing"), file("nowhere")))
    assert.equal(1, code)
    assert.is_truthy(output:find("there is no data of a gateway", 1, true), output)
    assert.is_nil(lfs.attributes(file("nowhere")))
    g:restart()
  end)

  describe("that is restored", function()
    local text

    setup(function()
      made("whole")
      text = gateway.read_file(file("whole"))
    end)

    -- Writes this as a backup and gives what restoring it says.
    local function refused(bytes)
      gateway.write_file(file("bad"), bytes)
      local output, code = restore("bad", "bad.data")
      assert.equal(2, code, output)
      assert.is_nil(lfs.attributes(file("bad.data")))
      return output
    end

    it("becomes a new directory only", function()
      assert(lfs.mkdir(file("full.data")))
      gateway.write_file(file("full.data/mine"), "kept")
      local output, code = restore("whole", "full.data")
      assert.same({ 1, true }, { code, output:find("is not empty", 1, true) ~= nil }, output)
      assert.equal("kept", gateway.read_file(file("full.data/mine")))
    end)

    it("is refused when any byte of a file was changed, and leaves nothing", function()
      for _, at in ipairs { 700, #text // 3, #text // 2 } do
        local byte = string.char(text:byte(at) ~ 1)
        refused(text:sub(1, at - 1) .. byte .. text:sub(at + 1))
      end
    end)

    it("is refused when it is cut anywhere", function()
      for _, length in ipairs { 0, 100, 512, 5000, #text // 2, #text - 2048 } do
        refused(text:sub(1, length))
      end
    end)

    it("is refused when its files would land elsewhere", function()
      assert(lfs.mkdir(file("evil")))
      gateway.write_file(file("evil/x"), "x")
      shell(("cd '%s' && tar --format=ustar -cf '%s' --transform 's,^x,../x,' -P x"):format(file("evil"),
        file("evil.tar")))
      assert.is_truthy(refused(gateway.read_file(file("evil.tar"))):find("name", 1, true))
    end)

    it("is refused when the trail in it was changed, whatever its hashes say", function()
      restored("whole", "forged.data")
      os.execute(("rm '%s/lock'"):format(file("forged.data")))
      db.change(file("forged.data/gateway.db"),
        "UPDATE audit SET row = replace(row, 'success', 'denied_') WHERE seq = 2")
      g:terminate()
      local data = g.data
      g.data = file("forged.data")
      made("forged")
      local output, code = restore("forged", "again.data")
      assert.equal(2, code, output)
      assert.is_truthy(output:find("the backup's audit trail does not hold. Row 2", 1, true), output)
      assert.is_nil(lfs.attributes(file("again.data")))
      g.data = data
      g:restart()
    end)
  end)
end)
