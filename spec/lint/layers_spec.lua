-- SPDX-License-Identifier: MIT
-- The layering check itself: what it must find, and what it must let through.

local root = io.popen("pwd"):read("l")

-- Runs the check over one made-up file; gives whether it passed, and what it said.
local function check(path, text)
    local tree = os.tmpname()
    os.remove(tree)
    assert(os.execute(("mkdir -p %s/%s"):format(tree, path:match("(.*)/"))))
    local file = assert(io.open(tree .. "/" .. path, "w"))
    file:write(text, "\n")
    file:close()
    local run = io.popen(("cd %s && lua5.4 '%s/lint/layers' %s 2>&1"):format(tree, root, path))
    local said = run:read("a")
    local passed = run:close() == true
    os.execute("rm -r " .. tree)
    return passed, said
end

describe("lint/layers", function()
    it("is tested by Lua 5.4", function()
        assert.equal("Lua 5.4", _VERSION)
    end)

    local refused = {
        { "an upward include", "src/base/a.c", '#include "core/guard.h"', "base may not include core" },
        { "an include of a neighbour", "src/policy/a.c", '#include "store/store.h"', "policy may not include store" },
        { "an include from a folder that is no layer", "src/util/a.c", "", "util is not a layer" },
        { "an include of a folder that is no layer", "src/core/a.c", '#include "util/a.h"', "util is not a layer" },
        { "a header without its folder", "src/core/a.c", '#include "guard.h"', "say the folder too" },
        { "libevent in core", "src/core/a.c", "#include <event2/event.h>", "libevent is not for core" },
        { "libevent in base outside the loop", "src/base/clock.c", "#include <event2/event.h>", "libevent is not" },
        { "Lua in core", "src/core/a.c", "#include <lua.h>", "Lua is not for core" },
        { "Lua's libraries in a command", "src/command/a.c", "#include <lualib.h>", "Lua is not for command" },
        { "SQLite in core", "src/core/a.c", "#include <sqlite3.h>", "SQLite is not for core" },
        { "SQLite in an adapter's http", "src/adapter/http.c", "#include <sqlite3.h>", "SQLite is not" },
        { "curl in http", "src/http/a.c", "#include <curl/curl.h>", "curl is not for http" },
        { "curl in another file of adapter", "src/adapter/lane.c", "#include <curl/curl.h>", "curl is not" },
        { "an include with blanks", "src/core/a.h", '  #  include  "http/server.h"', "may not include" },
    }
    for _, case in ipairs(refused) do
        it("refuses " .. case[1], function()
            local passed, said = check(case[2], case[3])
            assert.is_false(passed)
            assert.truthy(said:find(case[4], 1, true), said)
            assert.truthy(said:find(case[2] .. ":1: ", 1, true), said)
        end)
    end

    local allowed = {
        { "a downward include", "src/core/a.c", '#include "store/store.h"' },
        { "its own folder", "src/core/a.c", '#include "core/guard.h"' },
        { "libevent in the loop", "src/base/loop.c", "#include <event2/event.h>" },
        { "SQLite in the sql effect", "src/adapter/sql_effect.c", "#include <sqlite3.h>" },
        { "curl in the upstreams", "src/adapter/upstream_client.c", "#include <curl/curl.h>" },
        { "Lua in script", "src/script/state.c", "#include <lauxlib.h>" },
        { "everything in main", "src/main.c", '#include "http/server.h"' },
        { "what is outside src", "tests/unit/core/a.c", "#include <sqlite3.h>" },
    }
    for _, case in ipairs(allowed) do
        it("lets through " .. case[1], function()
            local passed, said = check(case[2], case[3])
            assert.is_true(passed, said)
            assert.equal("", said)
        end)
    end
end)
