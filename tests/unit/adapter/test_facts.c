/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ACTION "name = 'a.b', kind = 'action', scopes = { 's' }, description = 'D.'"
#define FUNCTIONS "resources = touched, execute = nothing"
#define READ                                                                                                           \
    "name = 'a.b', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = '/b' }, read " \
    "= "                                                                                                               \
    "function() return {} end"
#define LIST                                                                                                          \
    "output = { type = 'object', properties = { items = { type = 'array', items = { type = 'object', properties = { " \
    "name "                                                                                                           \
    "= {} } } } } }"

static struct fixture f;

static void assert_refused(const char *needle)
{
    enum opp_code rc = fixture_open(&f);

    if (rc != OPP_E_CONFIG || (strstr(f.err.message, needle) == NULL && strstr(f.err.where, needle) == NULL))
        fail_msg("wanted '%s', got %d at %s: %s", needle, (int)rc, f.err.where, f.err.message);
    fixture_close(&f);
}

static void a_declaration_that_is_wrong_is_refused_by_name(void **state)
{
    static const char *const cases[][2] = {
        { "{ " ACTION ", " FUNCTIONS ", colour = 'red' }", "colour" },
        { "{ kind = 'action', scopes = { 's' }, description = 'D.', " FUNCTIONS " }", "name" },
        { "{ name = 'A.b', kind = 'action', scopes = { 's' }, description = 'D.', " FUNCTIONS " }", "name" },
        { "{ name = 'a.b', kind = 'both', scopes = { 's' }, description = 'D.', " FUNCTIONS " }", "kind" },
        { "{ " ACTION ", " FUNCTIONS ", risk = 'some' }", "risk" },
        { "{ name = 'a.b', kind = 'action', scopes = {}, description = 'D.', " FUNCTIONS " }", "scopes" },
        { "{ name = 'a.b', kind = 'action', scopes = array {}, description = 'D.', " FUNCTIONS " }", "scopes" },
        { "{ name = 'a.b', kind = 'action', scopes = { 's' }, " FUNCTIONS " }", "description" },
        { "{ " ACTION ", execute = nothing }", "'resources'" },
        { "{ " ACTION ", resources = touched }", "'execute'" },
        { "{ " ACTION ", " FUNCTIONS ", read = nothing }", "'read'" },
        { "{ " ACTION ", " FUNCTIONS ", http = { method = 'GET', path = '/x' } }", "'http'" },
        { "{ " ACTION ", " FUNCTIONS ", witness = { 'id' } }", "witness" },
        { "{ " ACTION ", resources = 'touched', execute = nothing }", "resources" },
        { "{ " READ ", execute = nothing }", "'execute'" },
        { "{ " READ ", state = nothing }", "'state'" },
        { "{ name = 'a.b', kind = 'read', scopes = { 's' }, description = 'D.', read = nothing }", "'http'" },
        { "{ name = 'a.b', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = '/b' } "
          "}",
          "'read'" },
        { "{ name = 'a.b', kind = 'read', scopes = { 's' }, description = 'D.', read = nothing, http = { method = "
          "'POST',"
          " path = '/b' } }",
          "http" },
        { "{ name = 'a.b', kind = 'read', scopes = { 's' }, description = 'D.', read = nothing, http = { method = "
          "'GET', "
          "path = 'b' } }",
          "http" },
        { "{ " ACTION ", " FUNCTIONS ", input = { type = 'nonsense' } }", "input/type" },
        { "{ " ACTION ", " FUNCTIONS ", output = { colour = 1 } }", "output/colour" },
        { "{ " ACTION ", " FUNCTIONS ", facts = { minLength = 'x' } }", "facts/minLength" },
        { "{ " ACTION ", " FUNCTIONS ", aliases = { id = 1 } }", "aliases" },
        { "{ " ACTION ", " FUNCTIONS ", sensitive = { title = nothing } }", "sensitive/title" },
        { "{ " ACTION ", " FUNCTIONS ", rate_limit = { bucket = 'b', per_minute = 0 } }", "per_minute" },
        { "{ " ACTION ", " FUNCTIONS ", confirm = 'yes' }", "confirm" },
        { "{ " ACTION ", " FUNCTIONS ", range = { from = 'a' } }", "range" },
        { "{ " READ ", rows = { kind = 'thing', id = 'id' } }", "rows" },
        { "{ " READ ", " LIST ", rows = { kind = 'thing' } }", "rows" },
        { "{ " READ ", " LIST ", rows = { kind = 'thing', id = 'id', org = 'x' } }", "org" },
        { "'a.b'", "tools" },
        { "{ " ACTION ", " FUNCTIONS ", 'loose' }", "has a name" },
        { "{ " ACTION ", " FUNCTIONS " }, { " ACTION ", " FUNCTIONS " }", "a.b is declared twice" },
        { "{ " READ " }, { name = 'a.c', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', "
          "path = '/b' }, read = nothing }",
          "the same path /api/agent/v1/b" },
        { "", "tools" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_tools(&f, cases[i][0]);
        assert_refused(cases[i][1]);
    }
}

static void an_init_that_is_wrong_is_refused(void **state)
{
    static const char tools[] = "tools = { { " ACTION ", resources = function() end, execute = function() end } }";
    static const char *const cases[][2] = {
        { "return { name = 'other', description = 'D.', %s }", "calls itself other" },
        { "return { name = 'a', %s }", "description" },
        { "return { name = 'a', description = 'D.', upstreams = { crm = { etag = 'weak' } }, %s }", "upstreams" },
        { "return { name = 'a', description = 'D.', databases = { Big = { file = 'x', migrations = { '1.sql' } } }, %s "
          "}",
          "databases" },
        { "return { name = 'a', description = 'D.', databases = { x = { file = '../x', migrations = { '1.sql' } } }, "
          "%s }",
          "file" },
        { "return { name = 'a', description = 'D.', databases = { x = { file = 'x', migrations = { '../1.sql' } } }, "
          "%s "
          "}",
          "migrations" },
        { "return { name = 'a', description = 'D.', databases = { x = { file = 'x', migrations = { '2.sql' } } }, %s }",
          "2.sql" },
        { "return { name = 'a', description = 'D.', databases = { x = { file = 'x', migrations = { 'bad.sql' } } }, %s "
          "}",
          "syntax error" },
        { "return { name = 'a', description = 'D.', databases = { x = { file = 'x', migrations = { '1.sql' } }, y = { "
          "file"
          " = 'x', migrations = { '1.sql' } } }, %s }",
          "are one file" },
        { "os.exit(1) return { name = 'a', description = 'D.', %s }", "the global 'os' is not defined" },
        { "return 'text' -- %s", "no table" },
        { "while true do end -- %s", "instructions" },
        { "return {\n  name = = 1 } -- %s", "a/init.lua:2" },
        { "local x\nx.y = 1 -- %s", "a/init.lua:2" },
        { "local lib = require 'lib.none' -- %s", "lib/none.lua" },
        { "local lib = require '../b/init' -- %s", "no module" },
        { "local lib = require 'lib.broken' -- %s", "broken" },
        { "local lib = require 'lib.one' -- %s", "in a circle" },
        { "local lib = require 'lib.empty' -- %s", "gives nothing" },
        { "os.exit(1) -- %s", "the global 'os' is not defined" },
        { "date = 1 -- %s", "cannot be assigned" },
    };
    char text[2048];

    (void)state;
    fixture_write(&f, "a/bad.sql", "CREATE NONSENSE;");
    fixture_write(&f, "a/lib/broken.lua", "\nreturn {");
    fixture_write(&f, "a/lib/one.lua", "return require 'lib.two'");
    fixture_write(&f, "a/lib/two.lua", "return require 'lib.one'");
    fixture_write(&f, "a/lib/empty.lua", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *hole = strstr(cases[i][0], "%s");

        snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - cases[i][0]), cases[i][0], tools, hole + 2);
        fixture_write(&f, "a/init.lua", text);
        assert_refused(cases[i][1]);
    }
}

static void two_adapters_cannot_share_a_database(void **state)
{
    (void)state;
    fixture_tools(&f, "{ " ACTION ", " FUNCTIONS " }");
    fixture_write(&f, "b/1.sql", "CREATE TABLE x (id TEXT);");
    fixture_write(&f, "b/init.lua",
                  "return { name = 'b', description = 'D.', databases = { things = { file = 'b.db', migrations = { "
                  "'1.sql' } } }, tools = { { name = 'b.b', kind = 'action', scopes = { 's' }, description = 'D.', "
                  "resources = function() end, execute = function() end } } }");
    assert_refused("'things' is declared by two adapters");
    fixture_write(&f, "b/init.lua",
                  "return { name = 'b', description = 'D.', databases = { b = { file = 'things.db', migrations = { "
                  "'1.sql' } } }, tools = { { name = 'b.b', kind = 'action', scopes = { 's' }, description = 'D.', "
                  "resources = function() end, execute = function() end } } }");
    assert_refused("another's");
}

static void a_tool_that_is_wrong_is_named_with_its_file_and_line(void **state)
{
    (void)state;
    fixture_write(&f, "a/tools/x.lua",
                  "return {\n  name = 'a.x', kind = 'read', scopes = { 's' }, description = 'D.',\n"
                  "  read = function()\n  end,\n}\n");
    fixture_tools(&f, "require 'tools.x'");
    assert_refused("a/tools/x.lua:3");
    fixture_tools(&f, "require 'tools.x'");
    assert_refused("a.x: a tool of kind read needs 'http'");
}

static void facts_are_taken_over(void **state)
{
    const struct opp_tool *tool;

    (void)state;
    fixture_tools(&f,
                  "{ " ACTION ", " FUNCTIONS
                  ", risk = 'high', confirm = true, export = true, state = nothing, witness = { 'id' }, range = { "
                  "from = 'a', to = 'b' }, rate_limit = { bucket = 'w', per_minute = 60 }, facts = { type = 'object' "
                  "}, sensitive = { title = '[redacted]', notes = null } }, { " READ ", " LIST
                  ", rows = { kind = 'thing', id = 'name', org_id = 'org_id', user_id = 'org_id', parents = { ledger "
                  "= 'ledger_id' } } }");
    fixture_write(&f, "empty/readme.txt", "no adapter");
    fixture_write(&f, "a/.hidden.lua", "this is not Lua");
    assert_refused("a.b is declared twice");
    fixture_open_with(
        &f, "{ " ACTION ", " FUNCTIONS
            ", risk = 'high', confirm = true, export = true, state = nothing, witness = { 'id' }, range = { "
            "from = 'a', to = 'b' }, rate_limit = { bucket = 'w', per_minute = 60 }, facts = { type = 'object' "
            "}, sensitive = { title = '[redacted]', notes = null } }");
    tool = opp_tool_find(f.adapters, "a.b");
    assert_non_null(tool);
    assert_string_equal(tool->adapter, "a");
    assert_string_equal(tool->path, "/api/agent/v1/actions");
    assert_string_equal(tool->method, "POST");
    assert_string_equal(opp_risk_name(tool->risk), "high");
    assert_true(tool->is_action && tool->confirm && tool->exports && tool->has_state);
    assert_json(tool->input, "{\"type\":\"object\"}");
    assert_json(tool->facts, "{\"type\":\"object\"}");
    assert_string_equal(tool->range_to, "b");
    assert_int_equal(tool->rate_per_minute, 60);
    assert_null(tool->rows.kind);
}

static void columns_that_only_the_check_needs_are_hidden_once(void **state)
{
    const struct opp_tool *tool;

    (void)state;
    fixture_open_with(
        &f, "{ " READ ", " LIST
            ", rows = { kind = 'thing', id = 'name', org_id = 'org_id', user_id = 'org_id', parents = { ledger "
            "= 'ledger_id' } } }");
    tool = opp_tool_find(f.adapters, "a.b");
    assert_string_equal(tool->hidden[0], "org_id");
    assert_string_equal(tool->hidden[1], "ledger_id");
    assert_null(tool->hidden[2]);
    assert_string_equal(tool->rows.kind, "thing");
    assert_string_equal(opp_risk_name(tool->risk), "low");
}

static void a_directory_that_is_not_there_is_refused(void **state)
{
    (void)state;
    snprintf(f.adapters_dir, sizeof f.adapters_dir, "%s/none", f.dir);
    assert_refused("none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_declaration_that_is_wrong_is_refused_by_name, &f),
        fixture_test(an_init_that_is_wrong_is_refused, &f),
        fixture_test(two_adapters_cannot_share_a_database, &f),
        fixture_test(a_tool_that_is_wrong_is_named_with_its_file_and_line, &f),
        fixture_test(facts_are_taken_over, &f),
        fixture_test(columns_that_only_the_check_needs_are_hidden_once, &f),
        fixture_test(a_directory_that_is_not_there_is_refused, &f),
    };

    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
