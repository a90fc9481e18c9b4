/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ_HEAD "kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = '/b' }, "
#define READ(body) "{ name = 'a.b', " READ_HEAD "read = function(call) local db = call.sql('things') " body " end }"
#define LIST                                                                                                        \
    "output = { type = 'object', properties = { items = { type = 'array', items = { type = 'object', properties = " \
    "{ id = {}, name = {} } } } } }, sensitive = { name = '[redacted]' }, "
#define LISTED(body)                                                                  \
    "{ name = 'a.b', " READ_HEAD LIST                                                 \
    "rows = { kind = 'thing', id = 'id', org_id = 'org_id' }, read = function(call) " \
    "local db = call.sql('things') " body " end }"

static struct fixture f;

static void assert_answer(const char *body, const char *answer)
{
    char tools[4096];

    snprintf(tools, sizeof tools, READ("%s"), body);
    fixture_open_with(&f, tools);
    fixture_reads(&f, "a.b", "{\"id\":\"t1\"}", answer);
    fixture_close(&f);
}

/* The tool that is open must fail with this for the operator. */
static void assert_read_defect(const char *needle)
{
    struct opp_read_options options = { 0 };
    struct opp_tool_call call = fixture_call(&f, "a.b", "{\"id\":\"t1\"}");

    assert_null(fixture_read(&call, &options));
    if (call.rc != OPP_E_EXECUTION_FAILED || !call.refusal.defect || strstr(call.refusal.message, needle) == NULL)
        fail_msg("wanted '%s', got %d: %s", needle, (int)call.rc, call.refusal.message);
    fixture_call_free(&call);
}

static void assert_defect(const char *body, const char *needle)
{
    char tools[4096];

    snprintf(tools, sizeof tools, READ("%s"), body);
    fixture_open_with(&f, tools);
    assert_read_defect(needle);
    fixture_close(&f);
}

static void queries_give_rows_a_row_or_a_value(void **state)
{
    (void)state;
    assert_answer(
        "return { rows = db:rows('SELECT id, amount FROM things ORDER BY id') }",
        "{\"rows\":[{\"amount\":1,\"id\":\"t1\"},{\"amount\":2.5,\"id\":\"t2\"},{\"amount\":null,\"id\":\"t3\"}]"
        "}");
    assert_answer("return { row = db:row('SELECT id, name FROM things WHERE id = :id', call.payload) }",
                  "{\"row\":{\"id\":\"t1\",\"name\":\"one\"}}");
    assert_answer("return db:row(\"SELECT 'äöü and eight more ASCII €' AS a\")",
                  "{\"a\":\"äöü and eight more ASCII €\"}");
    assert_answer("local r = db:row('SELECT id FROM things ORDER BY id DESC') return { id = r.id }", "{\"id\":\"t3\"}");
    assert_answer("return { none = db:row('SELECT 1 WHERE 0') == nil, no_value = db:value('SELECT 1 WHERE 0') == nil, "
                  "null = db:value('SELECT NULL') == null, n = #db:rows('SELECT 1 WHERE 0') }",
                  "{\"n\":0,\"no_value\":true,\"none\":true,\"null\":true}");
    assert_answer("local r = db:row('SELECT 9007199254740993 AS a, 9007199254740992 AS b') return { a = r.a == "
                  "9007199254740993, b = r.b, c = r.a .. '' }",
                  "{\"a\":true,\"b\":9007199254740992,\"c\":\"9007199254740993\"}");
    assert_answer("return { a = db:value('SELECT 7'), b = db:value('SELECT 7.0'), c = db:value(\"VALUES ('x')\") }",
                  "{\"a\":7,\"b\":7,\"c\":\"x\"}");
    assert_answer("return { a = db:value('-- c\\n/* d */ with x as (select 5) select * from x') }", "{\"a\":5}");
}

static void parameters_are_bound_by_name_and_type(void **state)
{
    (void)state;
    assert_answer("return db:row('SELECT typeof(:a) AS a, typeof(:b) AS b, typeof(:c) AS c, typeof(:d) AS d, :e AS e, "
                  "typeof(:e) AS t', { a = 1, b = 1.0, c = '1', d = null, e = true })",
                  "{\"a\":\"integer\",\"b\":\"real\",\"c\":\"text\",\"d\":\"null\",\"e\":1,\"t\":\"integer\"}");
    assert_answer("return db:row('SELECT :a || :a AS a', { a = \"'; DROP TABLE things; --\" })",
                  "{\"a\":\"'; DROP TABLE things; --'; DROP TABLE things; --\"}");
    assert_answer(
        "local one = db:row(\"SELECT id FROM things WHERE id = 't2'\") return db:row('SELECT name FROM things "
        "WHERE id = :id', one)",
        "{\"name\":\"two\"}");
    assert_answer("return { n = db:value('SELECT :now', { now = 5 }) }", "{\"n\":5}");
}

static void queries_that_go_wrong_are_defects(void **state)
{
    static const char *const cases[][2] = {
        { "db:rows('SELECT :a')", ":a is not given" },
        { "db:rows('SELECT :a', { b = 1 })", ":a is not given" },
        { "db:rows('SELECT :a', { a = 1, b = 1 })", "no parameter :b" },
        { "db:rows('SELECT 1', { a = 1 })", "no parameter :a" },
        { "db:rows('SELECT 1', { 1 })", "by name" },
        { "db:rows('SELECT ?', { a = 1 })", "written :name" },
        { "db:rows('SELECT $a', { a = 1 })", "written :name" },
        { "db:rows('SELECT :a', { a = {} })", "no text" },
        { "db:rows('SELECT :a', { a = 1/0 })", "finite" },
        { "db:rows('SELECT :a', 5)", "table" },
        { "db:rows('SELECT no_column')", "no such column" },
        { "db:rows('SELECT 1; SELECT 2')", "one statement" },
        { "db:rows(5)", "string" },
        { "db:rows('DELETE FROM things')", "begins with SELECT" },
        { "db:rows('COMMIT')", "begins with SELECT" },
        { "db:rows('PRAGMA user_version')", "begins with SELECT" },
        { "db:rows('EXPLAIN SELECT 1')", "begins with SELECT" },
        { "db:rows('WITH x AS (SELECT 1) DELETE FROM things')", "not authorized" },
        { "db:rows(\"SELECT load_extension('x')\")", "not authorized" },
        { "db:rows(\"SELECT x'00ff' AS b\")", "b holds a blob" },
        { "db:rows(\"SELECT CAST(x'ff' AS TEXT) AS b\")", "b holds text that is not UTF-8" },
        { "db:rows(\"SELECT 'abcdefghijklmnop' || CAST(x'c3' AS TEXT) AS b\")", "not UTF-8" },
        { "db:rows(\"SELECT 'abcd' || char(0) || 'abcdefgh' AS b\")", "not UTF-8" },
        { "db:rows('SELECT 9e999 AS b')", "infinite" },
        { "return { b = { db:row('SELECT 1 AS a, 9007199254740993 AS b') } }", "/b/0: the column b holds an integer" },
        { "return db:rows('SELECT -9007199254740993 AS b')", "the column b holds an integer beyond 2^53" },
        { "return json.decode(json.encode(db:row('SELECT 9223372036854775807 AS b')))", "beyond 2^53" },
        { "db.rows(1, 'SELECT 1')", "opp.database" },
        { "db:rows('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n')", "10000 rows" },
        { "db:rows('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20) SELECT "
          "hex(zeroblob(300000)) "
          "FROM n')",
          "8 MiB" },
        { "for i = 1, 65 do db:value('SELECT 1') end", "64 times" },
        { "return { f = print }", "print" },
        { "return { f = 0/0 }", "not a number" },
        { "return { f = from.row }", "JSON" },
        { "return nil", "nil is no JSON" },
        { "while true do end", "instructions" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_defect(cases[i][0], cases[i][1]);
}

static void a_query_has_a_deadline(void **state)
{
    int64_t start = opp_monotonic_ms();

    (void)state;
    assert_defect("db:value('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n')",
                  "more than 100 ms");
    assert_true(opp_monotonic_ms() - start < 5000);
}

static void instructions_are_counted_between_host_calls(void **state)
{
    (void)state;
    assert_answer(
        "local n = 0 for i = 1, 20 do for k = 1, 40000 do n = n + k % 2 end db:value('SELECT 1') end return { n "
        "= n }",
        "{\"n\":400000}");
}

static void all_reads_of_a_call_see_one_moment(void **state)
{
    struct opp_read_options options = { 0 };
    struct opp_tool_call call, later;
    json_t *result = NULL;
    char *text;

    (void)state;
    fixture_open_with(
        &f, "{ name = 'a.b', " READ_HEAD "load = function(call) return { n = call.sql('things'):value('SELECT count(*) "
            "FROM things') } end, read = function(call) return { n = call.sql('things'):value('SELECT count(*) FROM "
            "things') } end }, { name = 'a.c', kind = 'action', scopes = { 's' }, description = 'D.', resources = "
            "function() return { { kind = 'x', id = '1' } } end, execute = function() return sql.effect { database = "
            "'things', { \"DELETE FROM things WHERE id = 't1'\" } } end }");
    call = fixture_call(&f, "a.b", "{}");
    opp_tool_load(&call);
    later = fixture_call(&f, "a.c", "{}");
    assert_int_equal(fixture_apply(&f, &later, "eff_1", &result), OPP_OK);
    json_decref(result);
    fixture_call_free(&later);
    fixture_reads(&f, "a.b", "{}", "{\"n\":2}");
    {
        struct opp_buf out = { 0 };

        opp_tool_read(&call, &options, &out);
        text = opp_buf_take(&out);
    }
    assert_string_equal(text, "{\"n\":3}");
    free(text);
    fixture_call_free(&call);
    fixture_reads(&f, "a.b", "{}", "{\"n\":2}");
}

struct seen {
    size_t rows;
    enum opp_code verdict;
};

static enum opp_code check_rows(void *arg, const struct opp_tool *tool, const struct opp_rows *rows, size_t first,
                                size_t count)
{
    struct seen *seen = arg;
    int column = opp_rows_find(rows, tool->rows.org_id);

    seen->rows += count;
    if (column < 0)
        return OPP_E_INTERNAL;
    for (size_t row = first; row < first + count; row++)
        if (strcmp(opp_rows_text(rows, opp_rows_cell(rows, row, (size_t)column)), "far") == 0)
            return seen->verdict;
    return OPP_OK;
}

static void rows_are_checked_hidden_and_redacted(void **state)
{
    static const char *const redacted[] = { "name", "\"[redacted]\"", NULL };
    struct seen seen = { 0 };
    struct opp_read_options options = { .redacted = redacted, .check = check_rows, .arg = &seen };
    struct opp_tool_call call;
    char *text;

    (void)state;
    fixture_open_with(
        &f, LISTED("return { items = db:rows(\"SELECT id, name, org_id FROM things WHERE org_id = 'org'\"), name = 'n' "
                   "}"));
    call = fixture_call(&f, "a.b", "{}");
    text = fixture_read(&call, &options);
    assert_non_null(text);
    assert_string_equal(text,
                        "{\"items\":[{\"id\":\"t1\",\"name\":\"[redacted]\"},{\"id\":\"t2\",\"name\":\"[redacted]\"}"
                        "],\"name\":\"[redacted]\"}");
    assert_int_equal(seen.rows, 2);
    free(text);
    fixture_call_free(&call);
    fixture_reads(&f, "a.b", "{}",
                  "{\"items\":[{\"id\":\"t1\",\"name\":\"one\"},{\"id\":\"t2\",\"name\":\"two\"}],\"name\":\"n\"}");
}

static void a_row_outside_the_boundary_ends_the_answer(void **state)
{
    static const enum opp_code verdicts[] = { OPP_E_INTERNAL, OPP_E_POLICY_DENIED };

    (void)state;
    fixture_open_with(&f, LISTED("return { items = db:rows('SELECT id, name, org_id FROM things') }"));
    for (size_t i = 0; i < 2; i++) {
        struct seen seen = { .verdict = verdicts[i] };
        struct opp_read_options options = { .check = check_rows, .arg = &seen };
        struct opp_tool_call call = fixture_call(&f, "a.b", "{}");

        assert_null(fixture_read(&call, &options));
        assert_int_equal(call.rc, verdicts[i]);
        assert_false(call.refusal.defect);
        fixture_call_free(&call);
    }
}

static void a_row_that_stands_alone_is_checked_too(void **state)
{
    struct seen seen = { .verdict = OPP_E_INTERNAL };
    struct opp_read_options options = { .check = check_rows, .arg = &seen };
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(
        &f,
        LISTED("local rows = db:rows('SELECT id, name, org_id FROM things ORDER BY id') return { items = { rows[2], "
               "rows[3] } }"));
    call = fixture_call(&f, "a.b", "{}");
    assert_null(fixture_read(&call, &options));
    assert_int_equal(call.rc, OPP_E_INTERNAL);
    assert_int_equal(seen.rows, 2);
    fixture_call_free(&call);
}

/* Gives what the tool reads when a rule permits so many rows. */
static void assert_bounded(const char *tools, size_t max_rows, const char *answer)
{
    struct opp_read_options options = { .max_rows = max_rows };
    struct opp_tool_call call;
    char *text;

    fixture_open_with(&f, tools);
    call = fixture_call(&f, "a.b", "{}");
    text = fixture_read(&call, &options);
    assert_non_null(text);
    assert_string_equal(text, answer);
    free(text);
    fixture_call_free(&call);
    fixture_close(&f);
}

static void no_list_is_longer_than_a_rule_permits(void **state)
{
    (void)state;
    assert_bounded(LISTED("return { items = db:rows('SELECT id FROM things ORDER BY id') }"), 2,
                   "{\"items\":[{\"id\":\"t1\"},{\"id\":\"t2\"}]}");
    assert_bounded(LISTED("local rows = db:rows('SELECT id FROM things ORDER BY id') return { items = { rows[3], "
                          "rows[2], rows[1] } }"),
                   2, "{\"items\":[{\"id\":\"t3\"},{\"id\":\"t2\"}]}");
    assert_bounded(READ("return { all = db:rows('SELECT id FROM things ORDER BY id'), list = { 1, 2 } }"), 1,
                   "{\"all\":[{\"id\":\"t1\"}],\"list\":[1,2]}");
}

static void an_empty_table_is_a_list_where_output_says_so(void **state)
{
    (void)state;
    assert_bounded(LISTED("return { items = {}, other = {} }"), 0, "{\"items\":[],\"other\":{}}");
    assert_bounded("{ name = 'a.b', " READ_HEAD "output = { type = 'object', properties = { groups = { type = 'array', "
                   "items = { type = 'object', properties = { ids = { type = 'array' } } } } } }, read = function() "
                   "return { groups = { { ids = {}, names = {} }, {} } } end }",
                   0, "{\"groups\":[{\"ids\":[],\"names\":{}},{}]}");
}

static void a_list_that_lua_built_would_escape_the_check(void **state)
{
    static const char *const bodies[] = {
        "return { items = { { id = 't3', name = 'three' } } }",
        "return { items = 5 }",
        "return { other = {} }",
        "return db",
        "return { items = { call.payload } }",
    };
    char tools[4096];

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        snprintf(tools, sizeof tools, LISTED("%s"), bodies[i]);
        fixture_open_with(&f, tools);
        assert_read_defect("read: ");
        fixture_close(&f);
    }
    snprintf(tools, sizeof tools, LISTED("%s"), "return { items = array {} }");
    fixture_open_with(&f, tools);
    fixture_reads(&f, "a.b", "{}", "{\"items\":[]}");
}

static void a_read_may_refuse(void **state)
{
    struct opp_read_options options = { 0 };
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(&f, READ("return refuse.invalid('Too long.', '/range')"));
    call = fixture_call(&f, "a.b", "{}");
    assert_null(fixture_read(&call, &options));
    assert_int_equal(call.rc, OPP_E_ACTION_INVALID);
    assert_string_equal(call.refusal.path, "/range");
    assert_json(call.resources, "[]");
    fixture_call_free(&call);
}

static void a_call_has_its_fields(void **state)
{
    (void)state;
    assert_answer(
        "return { a = call.actor.user_id, b = call.app.id, c = call.now, d = call.effect_id, e = "
        "call.limits.max_days == nil, f = call.boundary.org_id, g = call.payload == call.payload, h = "
        "call.boundary.user_id }",
        "{\"a\":\"user\",\"b\":\"app\",\"c\":1795000000000,\"d\":\"eff_1\",\"e\":true,\"f\":\"org_demo\",\"g\":"
        "true,\"h\":null}");
}

static void the_host_encodes_and_parses(void **state)
{
    (void)state;
    assert_answer(
        "return { a = json.encode { b = 1.0, a = array {}, c = null }, b = json.decode('[1,{\"x\":null}]'), c = "
        "json.decode('{') == nil, d = json.encode(call.payload), e = json.encode(db:rows('SELECT 1 AS x')) }",
        "{\"a\":\"{\\\"a\\\":[],\\\"b\\\":1,\\\"c\\\":null}\",\"b\":[1,{\"x\":null}],\"c\":true,\"d\":\"{\\\"id"
        "\\\":\\\"t1\\\"}\",\"e\":\"[{\\\"x\\\":1}]\"}");
    assert_answer("local t = json.decode('{\"a\":[]}') t.a[1] = 2 return t", "{\"a\":[2]}");
    assert_answer(
        "return { a = date.parse('2026-11-18T11:06:40.123Z'), b = date.day('2026-11-18'), c = date.day('x') == "
        "nil, d = date.parse('2026-11-18') == nil, e = date.format(1795000000123), f = "
        "date.day('2026-11-18\\0') == nil }",
        "{\"a\":1795000000123,\"b\":1794960000000,\"c\":true,\"d\":true,\"e\":\"2026-11-18T11:06:40.123Z\","
        "\"f\":true}");
    assert_answer(
        "return { a = base64.encode('') .. '.' .. base64.encode('f') .. '.' .. base64.encode('fo') .. '.' .. "
        "base64.encode('foo') .. '.' .. base64.encode('\\255\\254'), b = base64.decode('Zm9v') .. "
        "base64.decode('Zm8=') .. base64.decode('Zg==') .. base64.decode(''), c = base64.decode('\\x2f/8=') ~= "
        "nil }",
        "{\"a\":\".Zg==.Zm8=.Zm9v.//4=\",\"b\":\"foofof\",\"c\":true}");
    assert_answer(
        "local n = 0 for _, s in ipairs { 'Z', 'Zg=', 'Zh==', 'Zm9v=', 'Z g=', '====', 'Zg==Zg==', 'Zm9=' } do if "
        "base64.decode(s) == nil then n = n + 1 end end return { n = n }",
        "{\"n\":8}");
    assert_answer("return { a = url.encode('a b/c?d=\\xc3\\xa9~-_.'), b = url.encode('') }",
                  "{\"a\":\"a%20b%2Fc%3Fd%3D%C3%A9~-_.\",\"b\":\"\"}");
    assert_answer("log('a line') return {}", "{}");
    assert_defect("json.encode { f = 0/0 }", "/f: ");
    assert_defect("json.encode(nothing)", "");
    assert_defect("date.format('x')", "number");
    assert_defect("base64.encode(1)", "string");
    assert_defect("log(1)", "string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(queries_give_rows_a_row_or_a_value, &f),
        fixture_test(parameters_are_bound_by_name_and_type, &f),
        fixture_test(queries_that_go_wrong_are_defects, &f),
        fixture_test(a_query_has_a_deadline, &f),
        fixture_test(instructions_are_counted_between_host_calls, &f),
        fixture_test(all_reads_of_a_call_see_one_moment, &f),
        fixture_test(rows_are_checked_hidden_and_redacted, &f),
        fixture_test(a_row_outside_the_boundary_ends_the_answer, &f),
        fixture_test(a_row_that_stands_alone_is_checked_too, &f),
        fixture_test(no_list_is_longer_than_a_rule_permits, &f),
        fixture_test(an_empty_table_is_a_list_where_output_says_so, &f),
        fixture_test(a_list_that_lua_built_would_escape_the_check, &f),
        fixture_test(a_read_may_refuse, &f),
        fixture_test(a_call_has_its_fields, &f),
        fixture_test(the_host_encodes_and_parses, &f),
    };

    return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
