/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "adapter/internal.h"
#include "base/clock.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOUCHED "resources = function() return { { kind = 'x', id = '1' } } end, "
#define ACTION(name) "{ name = '" name "', kind = 'action', scopes = { 's' }, description = 'Does it.', " TOUCHED
#define EFFECT "execute = function(call, thing) return sql.effect { database = 'things', "
#define COUNT                                                                                                   \
    "{ name = 'a.count', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = " \
    "'/count' }, read = function(call) return { n = call.sql('things'):value('SELECT count(*) FROM things') } " \
    "end }"

static struct fixture f;

static enum opp_code apply(const char *tool, const char *payload, const char *effect_id, json_t **result)
{
    struct opp_tool_call call = fixture_call(&f, tool, payload);
    enum opp_code rc = fixture_apply(&f, &call, effect_id, result);

    fixture_call_free(&call);
    return rc;
}

static void assert_count(const char *answer)
{
    fixture_reads(&f, "a.count", "{}", answer);
}

static void an_effect_is_data_with_symbols(void **state)
{
    struct opp_tool_call call;

    (void)state;
    fixture_open_with(
        &f,
        ACTION("a.b") "execute = function(call) local a, b = call.new_id('t_'), call.new_id('u_')"
                      "return sql.effect { database = 'things',"
                      "{ 'INSERT INTO things (id, name, amount) VALUES (:id, :name, :amount) RETURNING id', { id = b,"
                      " name = call.payload.name, amount = null }, affects = 1, as = 'row' },"
                      "{ 'DELETE FROM things WHERE id = :gone', { gone = true }, affects = { 0, 2 } },"
                      "result = { row = from.row, id = from.row.id, made = { a }, ['$from'] = 1, ['$$x'] = "
                      "call.payload } } end }");
    call = fixture_call(&f, "a.b", "{\"name\":\"n\",\"$new_id\":{\"n\":1}}");
    assert_int_equal(fixture_inspect(&call), OPP_OK);
    assert_json(
        opp_effect_data(call.effect),
        "{\"database\":\"things\",\"new_ids\":[\"t_\",\"u_\"],\"result\":{\"$$$x\":{\"$$new_id\":{\"n\":1},\"name\":"
        "\"n\"},"
        "\"$$from\":1,\"id\":{\"$from\":[\"row\",\"id\"]},\"made\":[{\"$new_id\":{\"n\":1,\"prefix\":\"t_\"}}],\"row\":"
        "{"
        "\"$from\":[\"row\"]}},\"statements\":[{\"affects\":{\"max\":1,\"min\":1},\"as\":\"row\",\"params\":{"
        "\"amount\":"
        "null,\"id\":{\"$new_id\":{\"n\":2,\"prefix\":\"u_\"}},\"name\":\"n\"},\"sql\":\"INSERT INTO things (id, name, "
        "amount) VALUES (:id, :name, :amount) RETURNING id\"},{\"affects\":{\"max\":2,\"min\":0},\"params\":{\"gone\":"
        "true},\"sql\":\"DELETE FROM things WHERE id = :gone\"}]}");
    fixture_call_free(&call);
}

static void symbols_are_resolved_and_escapes_undone(void **state)
{
    json_t *result = NULL, *again = NULL;
    const char *id;

    (void)state;
    fixture_open_with(
        &f, ACTION("a.b") "execute = function(call) local a, b = call.new_id('t_'), call.new_id('u_')"
                          "return sql.effect { database = 'things',"
                          "{ 'INSERT INTO things (id, name, amount) VALUES (:id, :name, :new_id_1) RETURNING id, name, "
                          "amount, 1.5 AS real, NULL AS none', { id = b, name = call.payload.name }, as = 'row' },"
                          "result = { row = from.row, id = from.row.id, first = a, second = b, ['$from'] = 1, back = "
                          "call.payload } } end }," ACTION(
                              "a.value") "execute = function(call) return value { result = { id = call.new_id('v_'), "
                                         "back = call.payload, ['$x'] = 1 } } end }");
    assert_int_equal(apply("a.b", "{\"name\":\":new_id_1\",\"$$new_id\":{\"$from\":[\"row\"]}}", "eff_1", &result),
                     OPP_OK);
    id = opp_json_text(result, "second");
    assert_memory_equal(id, "u_", 2);
    assert_string_equal(opp_json_text(result, "id"), id);
    assert_string_equal(opp_json_text(json_object_get(result, "row"), "amount"), opp_json_text(result, "first"));
    assert_string_equal(opp_json_text(json_object_get(result, "row"), "name"), ":new_id_1");
    assert_json(json_object_get(json_object_get(result, "row"), "real"), "1.5");
    assert_json(json_object_get(json_object_get(result, "row"), "none"), "null");
    assert_json(json_object_get(result, "$from"), "1");
    assert_json(json_object_get(result, "back"), "{\"$$new_id\":{\"$from\":[\"row\"]},\"name\":\":new_id_1\"}");
    assert_int_equal(apply("a.value", "{\"$x\":2}", "eff_1", &again), OPP_OK);
    assert_json(json_object_get(again, "$x"), "1");
    assert_json(json_object_get(again, "back"), "{\"$x\":2}");
    assert_memory_equal(opp_json_text(again, "id"), "v_", 2);
    /* the same effect_id and number make the same id, whatever the attempt */
    assert_string_equal(opp_json_text(again, "id") + 2, opp_json_text(result, "first") + 2);
    json_decref(result);
    json_decref(again);
}

static void the_host_binds_time_and_effect(void **state)
{
    json_t *result = NULL;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") EFFECT
                      "{ 'INSERT INTO things (id, name, amount) VALUES (:effect_id, :now, :now_ms) RETURNING "
                      "id, name, amount', as = 'row' }, result = { row = from.row } } end }");
    assert_int_equal(apply("a.b", "{}", "eff_1", &result), OPP_OK);
    assert_json(result, "{\"row\":{\"amount\":1795000000123,\"id\":\"eff_1\",\"name\":\"2026-11-18T11:06:40.123Z\"}}");
    json_decref(result);
}

static void an_effect_is_applied_once_under_its_id(void **state)
{
    json_t *first = NULL, *second = NULL;

    (void)state;
    fixture_open_with(
        &f, ACTION("a.b") "execute = function(call) call.new_id('t_') return sql.effect { database = 'things', { "
                          "\"INSERT INTO things (id, name) VALUES (:new_id_1, 'n') RETURNING id\", {}, as = 'row' }, "
                          "result = { id = from.row.id } } end }," COUNT);
    assert_int_equal(apply("a.b", "{}", "eff_1", &first), OPP_OK);
    assert_count("{\"n\":4}");
    assert_int_equal(apply("a.b", "{}", "eff_1", &second), OPP_OK);
    assert_true(opp_json_equal(first, second));
    assert_count("{\"n\":4}");
    json_decref(second);
    fixture_close(&f);
    fixture_must_open(&f);
    assert_int_equal(apply("a.b", "{}", "eff_1", &second), OPP_OK);
    assert_true(opp_json_equal(first, second));
    json_decref(second);
    assert_int_equal(apply("a.b", "{}", "eff_2", &second), OPP_OK);
    assert_false(opp_json_equal(first, second));
    assert_count("{\"n\":5}");
    json_decref(first);
    json_decref(second);
}

/* What Lua was never given is nothing that its effect depends on. */
static void a_query_that_was_refused_is_not_repeated(void **state)
{
    json_t *result = NULL;

    (void)state;
    fixture_open_with(
        &f, ACTION("a.b") "load = function(call) local db = call.sql('things') "
                          "local ok = pcall(db.row, db, 'SELECT 1 WHERE :a > 0', { a = '\\xff' }) "
                          "assert(not ok) return db:row(\"SELECT id FROM things WHERE id = 't1'\") end, " EFFECT
                          "{ 'DELETE FROM things WHERE id = :id', thing } } end }," COUNT);
    assert_int_equal(apply("a.b", "{}", "eff_1", &result), OPP_OK);
    assert_count("{\"n\":2}");
    json_decref(result);
}

static void what_was_looked_at_must_be_the_same_when_it_is_applied(void **state)
{
    static const struct {
        const char *lookup, *change;
        enum opp_code rc;
    } cases[] = {
        { "load = thing, ", "UPDATE things SET name = 'other' WHERE id = 't1'", OPP_E_STALE },
        { "load = thing, ", "UPDATE things SET amount = '1' WHERE id = 't1'", OPP_E_STALE },
        { "load = thing, ", "UPDATE things SET amount = 1.0 WHERE id = 't1'", OPP_E_STALE },
        { "load = thing, ", "UPDATE things SET amount = NULL WHERE id = 't1'", OPP_E_STALE },
        { "load = thing, ", "DELETE FROM things WHERE id = 't1'", OPP_E_STALE },
        { "load = thing, ", "UPDATE things SET name = 'other' WHERE id = 't2'", OPP_OK },
        { "check = function(call) call.sql('things'):rows('SELECT id FROM things') end, ",
          "INSERT INTO things (id, name) VALUES ('t4', 'n')", OPP_E_STALE },
        { "check = function(call) call.sql('things'):rows('SELECT id FROM things') end, ",
          "DELETE FROM things WHERE id = 't3'", OPP_E_STALE },
        { "state = function(call) return { n = call.sql('things'):value('SELECT count(*) FROM things') } end, ",
          "DELETE FROM things WHERE id = 't3'", OPP_E_STALE },
        { "check = function(call) call.sql('things'):row(\"SELECT id FROM things WHERE id = 't9'\") end, ",
          "INSERT INTO things (id, name) VALUES ('t9', 'n')", OPP_E_STALE },
        { "check = function(call) call.sql('things'):row('SELECT id FROM things ORDER BY id') end, ",
          "DELETE FROM things WHERE id = 't3'", OPP_OK },
        { "impact = function(call) call.sql('things'):rows('SELECT id FROM things') return { summary = 's' } end, ",
          "DELETE FROM things WHERE id = 't3'", OPP_OK },
    };
    char tools[2048];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct opp_tool_call call;
        json_t *result = NULL;

        snprintf(tools, sizeof tools,
                 ACTION("a.b") "%s" EFFECT
                               "{ \"INSERT INTO things (id, name) VALUES ('new', 'n')\" } } end }," ACTION("a.change")
                                   EFFECT "{ \"%s\" } } end }," COUNT,
                 cases[i].lookup, cases[i].change);
        fixture_open_with(&f, tools);
        call = fixture_call(&f, "a.b", "{\"id\":\"t1\"}");
        assert_int_equal(fixture_inspect(&call), OPP_OK);
        assert_int_equal(apply("a.change", "{}", "eff_change", &result), OPP_OK);
        json_decref(result);
        if (fixture_apply_effect(&f, call.effect, "eff_1", &result) != cases[i].rc)
            fail_msg("case %zu: %s", i, f.err.message);
        if (cases[i].rc != OPP_OK)
            assert_null(result);
        json_decref(result);
        fixture_call_free(&call);
        fixture_end(&f);
        fixture_begin(&f);
    }
}

static void an_effect_that_does_not_do_what_it_said_is_undone_whole(void **state)
{
    static const struct {
        const char *statement;
        enum opp_code rc;
        const char *message;
    } cases[] = {
        { "{ 'UPDATE things SET amount = 0', {}, affects = 1 }", OPP_E_PRECONDITION, "statement 2 affected 4 rows" },
        { "{ \"DELETE FROM things WHERE id = 'none'\", {}, affects = { 1, 3 } }", OPP_E_PRECONDITION, "0 rows" },
        { "{ 'UPDATE things SET amount = 0', {}, affects = { 1, 3 } }", OPP_E_PRECONDITION, "4 rows" },
        { "{ \"INSERT INTO things (id, name) VALUES ('t1', 'n')\" }", OPP_E_ACTION_INVALID, "UNIQUE" },
        { "{ \"INSERT INTO things (id) VALUES ('t9')\" }", OPP_E_ACTION_INVALID, "NOT NULL" },
        { "{ \"UPDATE things SET parent = 'none'\" }", OPP_E_ACTION_INVALID, "foreign key" },
        { "{ 'UPDATE no_table SET a = 1' }", OPP_E_EXECUTION_FAILED, "no such table" },
        { "{ 'DELETE FROM things WHERE id = :id' }", OPP_E_EXECUTION_FAILED, ":id is not given" },
        { "{ 'DELETE FROM things WHERE id = ?', { id = 1 } }", OPP_E_EXECUTION_FAILED, "written :name" },
        { "{ 'DELETE FROM things', { id = 1 } }", OPP_E_EXECUTION_FAILED, "does not have" },
        { "{ 'DELETE FROM things WHERE id = :new_id_1' }", OPP_E_EXECUTION_FAILED, ":new_id_1" },
        { "{ 'DELETE FROM things; DELETE FROM things' }", OPP_E_EXECUTION_FAILED, "one statement" },
        { "{ 'WITH x AS (SELECT 1) SELECT * FROM x' }", OPP_E_EXECUTION_FAILED, "changes nothing" },
        { "{ \"UPDATE things SET raw = x'00ff' RETURNING raw\", {}, as = 'r' }", OPP_E_EXECUTION_FAILED, "raw" },
        { "{ \"UPDATE things SET name = CAST(x'ff' AS TEXT) RETURNING name\", {}, as = 'r' }", OPP_E_EXECUTION_FAILED,
          "name" },
        { "{ 'UPDATE things SET amount = 9007199254740993 RETURNING amount', {}, as = 'r' }", OPP_E_EXECUTION_FAILED,
          "amount" },
    };
    char tools[2048];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *result = NULL, *none = NULL;

        snprintf(tools, sizeof tools,
                 ACTION("a.b") EFFECT "{ \"INSERT INTO things (id, name) VALUES ('new', 'n')\" }, %s } end }," COUNT,
                 cases[i].statement);
        fixture_open_with(&f, tools);
        if (apply("a.b", "{}", "eff_1", &result) != cases[i].rc || strstr(f.err.message, cases[i].message) == NULL)
            fail_msg("case %zu: %d %s", i, (int)f.err.code, f.err.message);
        assert_null(result);
        assert_count("{\"n\":3}");
        assert_int_equal(fixture_receipt(&f, "things", "eff_1", &none), OPP_E_ABSENT);
        fixture_close(&f);
    }
}

static void rows_that_a_statement_does_not_give_are_null(void **state)
{
    json_t *result = NULL;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") EFFECT
                      "{ \"DELETE FROM things WHERE id = 'none' RETURNING id\", {}, as = 'row' }, result = { "
                      "row = from.row, id = from.row.id } } end }," ACTION("a.c") EFFECT
                      "{ \"DELETE FROM things RETURNING id\", {}, as = 'row' }, result = { "
                      "id = from.row.name } } end }," COUNT);
    assert_int_equal(apply("a.b", "{}", "eff_1", &result), OPP_OK);
    assert_json(result, "{\"id\":null,\"row\":null}");
    json_decref(result);
    assert_int_equal(apply("a.c", "{}", "eff_2", &result), OPP_E_EXECUTION_FAILED);
    assert_non_null(strstr(f.err.message, "'name'"));
    assert_count("{\"n\":3}");
}

/* What execute does, and what the operator is told of it. */
static const char *const nonsense[][2] = {
    { "return 'done'", "sql.effect{}, http.effect{}, value{} or a refusal" },
    { "return nil", "sql.effect{}, http.effect{}, value{} or a refusal" },
    { "return { database = 'things' }", "sql.effect{}, http.effect{}, value{} or a refusal" },
    { "return sql.effect 'x'", "table" },
    { "return sql.effect { database = 'other', { 'DELETE FROM things' } }", "names a database" },
    { "return sql.effect { { 'DELETE FROM things' } }", "names a database" },
    { "return sql.effect { database = 'things' }", "from 1 to 100 statements" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things' }, colour = 1 }", "no field 'colour'" },
    { "return sql.effect { database = 'things', 'DELETE FROM things' }", "statement 1 is no table" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', colour = 1 } }", "not known" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', {}, 3 } }", "not known" },
    { "return sql.effect { database = 'things', { 'DROP TABLE things' } }", "begins with" },
    { "return sql.effect { database = 'things', { ' -- x\\n/* y */ COMMIT' } }", "begins with" },
    { "return sql.effect { database = 'things', { 'PRAGMA user_version = 9' } }", "begins with" },
    { "return sql.effect { database = 'things', { 5 } }", "begins with" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things\\0x' } }", "zero byte" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', 5 } }", "names and values" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { 5 } } }", "names and values" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { a = {} } } }", "no text" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { a = { ['$new_id'] = { n = 1 } } } } }",
      "no text" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { a = from.row } } }", "no text" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { a = 0/0 } } }", "params/a" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { now = 1 } } }", "the host's" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { new_id_1 = 1 } } }", "the host's" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', { ['a-b'] = 1 } } }", "no name" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', affects = 'all' } }", "affects" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', affects = -1 } }", "affects" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', affects = { 2, 1 } } }", "affects" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', as = 'a b' } }", "as is a name" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things', as = 'a' }, { 'DELETE FROM things', as = "
      "'a' "
      "} }",
      "is named 'a'" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things' }, result = { r = from.row } }",
      "no statement is named 'row'" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things' }, result = 5 }", "result is a table" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things' }, result = { f = refuse.gone() } }",
      "result/f" },
    { "return sql.effect { database = 'things', { 'DELETE FROM things' }, result = { f = from.row.id.x } }",
      "no fields" },
    { "return value { result = { r = from.row } }", "no statement is named 'row'" },
    { "return value { result = {}, database = 'things' }", "no field 'database'" },
    { "return value { {} }", "no field" },
    { "call.new_id('too_long_x')", "prefix" },
    { "call.new_id('A')", "prefix" },
    { "for i = 1, 65 do call.new_id('x') end", "new ids" },
    { "return 'x' .. call.new_id('x')", "concatenate" },
};

static void an_effect_that_makes_no_sense_is_a_defect(void **state)
{
    char tools[2048];

    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct opp_tool_call call;

        snprintf(tools, sizeof tools, ACTION("a.b") "execute = function(call) %s end }", nonsense[i][0]);
        fixture_open_with(&f, tools);
        call = fixture_call(&f, "a.b", "{}");
        if (fixture_inspect(&call) != OPP_E_EXECUTION_FAILED || !call.refusal.defect ||
            strstr(call.refusal.message, nonsense[i][1]) == NULL)
            fail_msg("case %zu (%s): %s", i, nonsense[i][1], call.refusal.message);
        assert_null(call.effect);
        fixture_call_free(&call);
        fixture_close(&f);
    }
}

static void a_receipt_of_an_unknown_database_is_nobodys_to_ask(void **state)
{
    json_t *result = NULL;

    (void)state;
    fixture_open_with(&f, ACTION("a.b") "execute = nothing }");
    assert_int_equal(fixture_receipt(&f, "gone", "eff_1", &result), OPP_E_EXECUTION_UNKNOWN);
}

static void a_receipt_of_another_file_of_that_name_is_not_absent_but_unknown(void **state)
{
    const struct opp_database *things;
    struct opp_receipt receipt = { .database = "things", .effect_id = "eff_1" };
    char identity[OPP_IDENTITY_MAX], path[256];

    (void)state;
    fixture_open_with(&f, ACTION("a.b") "execute = nothing }");
    things = opp_databases_find(f.databases, "things");
    snprintf(identity, sizeof identity, "%s", things->identity);
    snprintf(path, sizeof path, "%s", things->path);
    receipt.database_id = identity;
    opp_receipts_ask(&(struct opp_receipt_sources){ f.databases, NULL, NULL }, &receipt, 1, opp_monotonic_ms() + 10000);
    assert_int_equal(receipt.rc, OPP_E_ABSENT);
    fixture_close(&f);
    fixture_must_open(&f);
    opp_receipts_ask(&(struct opp_receipt_sources){ f.databases, NULL, NULL }, &receipt, 1, opp_monotonic_ms() + 10000);
    assert_int_equal(receipt.rc, OPP_E_ABSENT);
    fixture_close(&f);
    assert_int_equal(unlink(path), 0);
    fixture_must_open(&f);
    opp_receipts_ask(&(struct opp_receipt_sources){ f.databases, NULL, NULL }, &receipt, 1, opp_monotonic_ms() + 10000);
    assert_int_equal(receipt.rc, OPP_E_EXECUTION_UNKNOWN);
    assert_non_null(strstr(receipt.err.message, "not the one"));
}

static void receipts_that_there_is_no_time_to_ask_for_are_unknown(void **state)
{
    struct opp_receipt receipts[3] = { { .database = "things", .effect_id = "eff_1" },
                                       { .database = "things", .effect_id = "eff_2" },
                                       { .effect_id = "eff_3" } };

    (void)state;
    fixture_open_with(&f, ACTION("a.b") "execute = nothing }");
    for (int i = 0; i < 2; i++)
        receipts[i].database_id = opp_databases_find(f.databases, "things")->identity;
    opp_receipts_ask(&(struct opp_receipt_sources){ f.databases, NULL, NULL }, receipts, 3, opp_monotonic_ms() - 1);
    assert_int_equal(receipts[0].rc, OPP_E_EXECUTION_UNKNOWN);
    assert_int_equal(receipts[1].rc, OPP_E_EXECUTION_UNKNOWN);
    assert_non_null(strstr(receipts[1].err.message, "in time"));
    assert_int_equal(receipts[2].rc, OPP_E_ABSENT); /* it was to write nothing */
}

static void a_full_queue_applies_nothing(void **state)
{
    char tools[2048];
    json_t *result = NULL;

    (void)state;
    /* what was read counts as what the operation holds: more than the queue's 1 MiB is refused */
    snprintf(
        tools, sizeof tools,
        ACTION("a.b") "check = function(call) call.sql('things'):value(\"SELECT hex(zeroblob(700000))\") end, " EFFECT
                      "{ 'DELETE FROM things' } } end }," COUNT);
    fixture_open_with(&f, tools);
    assert_int_equal(apply("a.b", "{}", "eff_1", &result), OPP_E_EXECUTION_FAILED);
    assert_non_null(strstr(f.err.message, "no more writes"));
    assert_count("{\"n\":3}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(an_effect_is_data_with_symbols, &f),
        fixture_test(symbols_are_resolved_and_escapes_undone, &f),
        fixture_test(the_host_binds_time_and_effect, &f),
        fixture_test(an_effect_is_applied_once_under_its_id, &f),
        fixture_test(a_query_that_was_refused_is_not_repeated, &f),
        fixture_test(what_was_looked_at_must_be_the_same_when_it_is_applied, &f),
        fixture_test(an_effect_that_does_not_do_what_it_said_is_undone_whole, &f),
        fixture_test(rows_that_a_statement_does_not_give_are_null, &f),
        fixture_test(an_effect_that_makes_no_sense_is_a_defect, &f),
        fixture_test(a_receipt_of_an_unknown_database_is_nobodys_to_ask, &f),
        fixture_test(a_receipt_of_another_file_of_that_name_is_not_absent_but_unknown, &f),
        fixture_test(receipts_that_there_is_no_time_to_ask_for_are_unknown, &f),
        fixture_test(a_full_queue_applies_nothing, &f),
    };

    return cmocka_run_group_tests_name("effects", tests, NULL, NULL);
}
