-- SPDX-License-Identifier: MIT
-- oppd audit verify, export and archive, and the same checks with none of our code.
local check = require "spec.support.check"
local db = require "spec.support.db"
local gateway = require "spec.support.gateway"
local json = require "spec.support.json"
local lfs = require "lfs"

describe("oppd audit", function()
  local g, kept

  local function ask(program, arguments)
    local pipe = assert(io.popen(("%s %s 2>&1 </dev/null"):format(program, arguments)))
    local output = pipe:read("a")
    local _, _, code = pipe:close()
    return output, code
  end

  -- Runs oppd audit … on the gateway's data; gives its output, which ended with this exit code.
  local function audit(arguments, expected)
    local output, code = gateway.run(("audit %s --data '%s'"):format(arguments, g.data))
    assert.equal(expected, code, output)
    return output
  end

  local function file(arguments, expected)
    local output, code = gateway.run("audit verify " .. arguments)
    assert.equal(expected, code, output)
    return output
  end

  -- The verifier in docs/, which shares no code with oppd.
  local function independent(arguments, expected)
    local output, code = ask("node docs/verify-trail.mjs", arguments)
    assert.equal(expected, code, output)
    return output
  end

  local function says(output, text)
    assert.is_truthy(output:find(text, 1, true), output)
  end

  setup(function()
    kept = os.tmpname()
    g = gateway.start { config = ("audit: { checkpoint_file: %s, checkpoint_rows: 5 }\n"):format(kept) }
    gateway.write_file(g:file("key.pem"), check.ok(g.admin:get("/audit/key")).publicKey)
    local odd = g:agent_client(g.credentials.agent_token)
    for i = 1, 12 do
      odd:request { method = "GET", path = "/ledgers?a=1&a=2",
        headers = { ["User-Agent"] = i % 2 == 0 and "=cmd \u{2028} \"quoted\" \u{e4}" or "\xff\xfe" } }
      g:app()
    end
  end)
  teardown(function()
    gateway.stop(g)
    os.remove(kept)
  end)

  it("verifies the trail of a running gateway, and says what that does not show", function()
    local output = audit("verify", 0)
    says(output, "The trail holds: ")
    says(output, "No checkpoint from elsewhere was given")
    output = audit(("verify --checkpoint '%s' --key '%s'"):format(kept, g:file("key.pem")), 0)
    assert.is_nil(output:find("No checkpoint", 1, true), output)
    says(audit("verify --since-checkpoint", 0), "The trail holds: ")
    assert.equal(true, check.ok(g.admin:get("/audit/verify")).ok)
  end)

  it("takes checkpoints from the log and from the answer of the gateway too", function()
    gateway.write_file(g:file("answer.json"), g.admin:get("/audit/checkpoints").text)
    for _, name in ipairs { "answer.json", "log" } do
      says(audit(("verify --checkpoint '%s'"):format(g:file(name)), 0), "checkpoints lie on it")
    end
  end)

  it("exports lines that verify by themselves, with our code and without", function()
    gateway.write_file(g:file("trail.jsonl"), audit("export", 0))
    local path = g:file("trail.jsonl")
    says(file(("'%s' --key '%s' --checkpoint '%s'"):format(path, g:file("key.pem"), kept), 0), "The trail holds: ")
    local output = independent(("'%s' --key '%s' --checkpoints '%s'"):format(path, g:file("key.pem"), kept), 0)
    says(output, "holds: rows 1 to")
  end)

  it("finds the same damage in a file with our code and without", function()
    local text, path = audit("export", 0), g:file("damaged.jsonl")
    local function damaged(what)
      gateway.write_file(path, what)
      local bad = file("'" .. path .. "'", 1):match("Row (%d+)")
      assert.equal(bad, independent("'" .. path .. "'", 1):match("Row (%d+)"))
      return tonumber(bad)
    end
    assert.equal(7, damaged((text:gsub('("seq":7,"status":")%a+', "%1odd"))))
    assert.equal(9, damaged((text:gsub('[^\n]*"seq":9,[^\n]*\n', ""))))
    assert.equal(3, damaged((text:gsub('([^\n]*"seq":3,[^\n]*\n)([^\n]*"seq":4,[^\n]*\n)', "%2%1"))))
    assert.equal(6, damaged((text:gsub('([^\n]*"seq":5,[^\n]*\n)', "%1%1"))))
    local cut = text:sub(1, select(2, text:find('"seq":20,[^\n]*\n')))
    assert.equal(21, damaged(cut))
    gateway.write_file(path, (cut:gsub('"to":%d+', '"to":20', 1)))
    file("'" .. path .. "'", 0)
    local with = ("'%s' --checkpoint '%s'"):format(path, kept)
    assert.equal("21", file(with, 1):match("Row (%d+)"))
    assert.equal("21", independent(with:gsub("checkpoint ", "checkpoints "), 1):match("Row (%d+)"))
  end)

  it("exports a span of time", function()
    local rows = g:audit()
    local since, until_ = rows[#rows - 9].created_at, rows[#rows - 19].created_at
    local lines = {}
    for line in audit(("export --since %s --until %s"):format(since, until_), 0):gmatch("[^\n]+") do
      lines[#lines + 1] = json.decode(line).row
    end
    assert.is_true(#lines >= 8)
    assert.is_true(lines[1].created_at >= since and lines[#lines].created_at < until_)
    says(audit("export --since soon", 2), "--since: must be a time such as")
    says(audit("export --format xml", 2), "--format: must be jsonl or csv")
  end)

  it("exports no span that ends before it begins", function()
    says(audit("export --since 2026-11-24 --until 2026-11-22", 2), "--until: must be later than --since")
  end)

  it("passes over what a write that stopped in the middle has left among the checkpoints, and says so", function()
    local torn, text = g:file("torn.jsonl"), gateway.read_file(kept)
    local half = text:sub(1, 60)
    gateway.write_file(torn, half .. "\n" .. text .. half)
    says(audit("verify --checkpoint '" .. torn .. "'", 0), "2 lines of the files of checkpoints are none")
    gateway.write_file(g:file("trail.jsonl"), audit("export", 0))
    says(independent(("'%s' --checkpoints '%s'"):format(g:file("trail.jsonl"), torn), 0), "Passed over: {\"hash\"")
    gateway.write_file(torn, half)
    says(audit("verify --checkpoint '" .. torn .. "'", 2), "there is no checkpoint in it")
  end)

  it("is a trail that does not hold where its first line is none", function()
    gateway.write_file(g:file("headless.jsonl"), (audit("export", 0):gsub("^[^\n]*\n", "")))
    says(file("'" .. g:file("headless.jsonl") .. "'", 1), "does not begin as a part of an audit trail")
  end)

  it("makes nothing where there is no gateway's data", function()
    says(gateway.run(("audit archive --before 2100-01-01 '%s' --data '%s'"):format(g:file("none.jsonl"),
      g:file("nowhere"))), "there is no data of a gateway")
    assert.is_nil(lfs.attributes(g:file("nowhere")))
  end)

  it("exports a table in which no cell is a formula", function()
    local text = audit("export --format csv", 0)
    assert.equal('seq,id,created_at,action,', text:sub(1, 25))
    says(text, ',"\'=cmd \u{2028} ""quoted"" \u{e4}",')
    local _, count = text:gsub("\r\n", "")
    assert.equal(#g:audit() + 1, count)
  end)

  it("archives under a running gateway, which goes on", function()
    local other = gateway.start { config = "audit: { checkpoint_rows: 5 }\n" }
    finally(function() gateway.stop(other) end)
    local path, app = other:file("archive.jsonl"), other:app()
    for _ = 1, 20 do other:app() end
    local function asked(arguments, expected)
      local output, code = gateway.run(("audit %s --data '%s'"):format(arguments, other.data))
      assert.equal(expected, code, output)
      return output
    end
    local last = other:audit()[1].seq
    local said = asked("archive --before 2100-01-01 '" .. path .. "'", 0)
    local to = tonumber(said:match("^Rows 1 to (%d+) are in"))
    assert(to > 5 and to <= last, said)
    says(asked("archive --before 2100-01-01 '" .. path .. "'", 1), "is there already")
    says(asked("archive --before 2020-01-01 '" .. other:file("none.jsonl") .. "'", 0), "nothing to archive")
    check.ok(app.client:get("/transactions"))
    other:app()
    assert.is_nil(other:log():find("none.jsonl", 1, true))
    local rows = other:audit()
    assert.equal(to + 1, rows[#rows].seq)
    says(asked("export", 0), ("rows before row %d are not in the database any more"):format(to + 1))
    gateway.write_file(other:file("old.jsonl"), (gateway.read_file(path):match('{"checkpoint":(%b{})}')))
    says(asked("verify --checkpoint '" .. other:file("old.jsonl") .. "'", 1), "they show nothing")
    says(asked(("verify '%s' --checkpoint '%s'"):format(path, other:file("old.jsonl")), 0), "the newest is of row")
    local row = check.find(rows, { action = "audit.archive" })
    assert.same({ "success", "cli", to }, { row.status, row.performed_by_user_id, row.details.to })
    assert.is_true(check.ok(other.admin:get("/audit/verify")).ok)
    says(asked(("verify '%s'"):format(path), 0), "The trail holds: ")
    other:restart()
    assert.is_true(check.ok(other.admin:get("/audit/verify")).ok)
  end)

  describe("of a stopped gateway", function()
    setup(function() g:terminate() end)

    local function rows()
      return db.rows(g.data .. "/gateway.db", "SELECT min(seq) AS first, max(seq) AS last FROM audit")[1]
    end

    local it_points = gateway.has_crash_points() and it or pending

    it_points("loses nothing when an archiving is ended in the middle", function()
      local points = { ["archive.copied"] = false, ["archive.written"] = true, ["archive.removed"] = true }
      for point, whole in pairs(points) do
        local path, before = g:file(point .. ".jsonl"), rows()
        local output, code = ask("env OPP_CRASH_AT=" .. point .. " " .. gateway.program(),
          ("audit archive --before 2100-01-01 '%s' --data '%s'"):format(path, g.data))
        assert.equal(86, code, output)
        assert.same(before, rows())
        audit("verify", 0)
        assert.equal(whole, gateway.read_file(path) ~= nil)
        if whole then
          file("'" .. path .. "'", 0)
          says(audit("verify '" .. path .. "'", 0), "1 to " .. before.last)
        end
      end
    end)

    it("archives up to a checkpoint; both parts verify apart and together, and the trail goes on", function()
      local path, last = g:file("archive.jsonl"), rows().last
      says(audit("archive --before 2020-01-01 '" .. path .. "'", 0), "nothing to archive")
      says(audit("archive --before 2100-01-01 '" .. path .. "'", 0), "Rows 1 to " .. last)
      assert.equal(last + 1, rows().first)
      says(audit("archive --before 2100-01-01 '" .. path .. "'", 1), "is there already")
      g:restart()
      g:app()
      local with = (" --key '%s' --checkpoint '%s'"):format(g:file("key.pem"), kept)
      says(audit("verify" .. with, 0), "The trail holds: ")
      says(file("'" .. path .. "'" .. with:gsub(" %-%-checkpoint.*", ""), 0), "rows, 1 to " .. last)
      says(audit("verify '" .. path .. "'" .. with, 0), ("rows, 1 to %d."):format(g:audit()[1].seq))
      independent("'" .. path .. "'", 0)
      assert.equal(true, check.ok(g.admin:get("/audit/verify")).ok)
      local row = g:audit { action = "audit.archive" }[1]
      assert.same({ from = 1, to = last, hash = row.prev_event_hash, path = path }, row.details)
      g:terminate()
    end)

    it("names the row that was changed", function()
      local seq = rows().last - 1
      db.change(g.data .. "/gateway.db", "UPDATE audit SET status='denied' WHERE seq=:seq", { seq = seq })
      says(audit("verify", 1), ("Row %d: what stands beside it"):format(seq))
      says(audit("verify --since-checkpoint", 0), "The trail holds")
      db.change(g.data .. "/gateway.db", "UPDATE audit SET status='success' WHERE seq=:seq", { seq = seq })
      audit("verify", 0)
    end)

    it("sees an end that was cut off by what was kept elsewhere, and without it does not", function()
      db.change(g.data .. "/gateway.db",
        "DELETE FROM audit WHERE seq>:seq; DELETE FROM checkpoints WHERE seq>:seq", { seq = rows().last - 1 })
      audit("verify", 0)
      says(audit("verify --checkpoint '" .. kept .. "'", 1), "are missing: that row was signed on")
    end)
  end)
end)
