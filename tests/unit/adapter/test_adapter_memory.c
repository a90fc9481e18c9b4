/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "base/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char tools[] =
    "{ name = 'a.add', kind = 'action', scopes = { 's' }, description = 'D.', load = thing, resources = touched, state "
    "= "
    "function(_, thing) return { id = thing.id } end, sensitive = { id = 'x' }, witness = { 'id' }, execute = "
    "function(call, thing) return sql.effect { database = 'things', { 'UPDATE things SET name = :name WHERE id = :id "
    "RETURNING id', { id = thing.id, name = call.new_id('n_') }, affects = 1, as = 'row' }, result = { row = from.row, "
    "['$x'] = call.payload } } end },"
    "{ name = 'a.get', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = '/b' }, "
    "output "
    "= { type = 'object', properties = { items = { type = 'array', items = { type = 'object', properties = { id = {} } "
    "} "
    "} } }, rows = { kind = 'thing', id = 'id', org_id = 'org_id' }, read = function(call) return { items = "
    "call.sql('things'):rows('SELECT id, org_id FROM things') } end }";

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f);
    fixture_tools(&f, tools);
    return 0;
}

/* Lua survives some failures by collecting its garbage; what does not succeed must say so. */
static void assert_outcome(int n, enum opp_code rc)
{
    if (rc != OPP_OK && rc != OPP_E_MEMORY && rc != OPP_E_CONFIG && rc != OPP_E_IO && rc != OPP_E_EXECUTION_FAILED)
        fail_msg("allocation %d: %d", n, (int)rc);
}

static void adapters_open_whole_or_not_at_all(void **state)
{
    bool happened = true;
    int failed = 0;

    (void)state;
    for (int n = 1; happened; n += 1 + n / 40) {
        enum opp_code rc;

        failing_alloc_set(n);
        rc = fixture_open(&f);
        happened = failing_alloc_happened();
        failing_alloc_set(0);
        assert_outcome(n, rc);
        failed += rc != OPP_OK;
        assert_true(happened || rc == OPP_OK);
        fixture_close(&f);
    }
    assert_true(failed > 20);
}

static void a_call_without_memory_fails_alone(void **state)
{
    bool happened = true;
    int failed = 0;

    (void)state;
    fixture_must_open(&f);
    for (int n = 1; happened; n++) {
        struct opp_tool_call call = fixture_call(&f, "a.add", "{\"id\":\"t1\"}");
        enum opp_code rc;

        failing_alloc_set(n);
        rc = fixture_inspect(&call);
        happened = failing_alloc_happened();
        failing_alloc_set(0);
        assert_outcome(n, rc);
        assert_true(happened || rc == OPP_OK);
        assert_true(rc == OPP_OK || call.effect == NULL);
        failed += rc != OPP_OK;
        fixture_call_free(&call);
    }
    assert_true(failed > 5);
}

static void an_effect_without_memory_is_applied_whole_or_not_at_all(void **state)
{
    bool happened = true;
    char effect_id[32];
    int failed = 0;

    (void)state;
    fixture_must_open(&f);
    for (int n = 1; happened; n++) {
        struct opp_tool_call call = fixture_call(&f, "a.add", "{\"id\":\"t1\"}");
        json_t *result = NULL, *recorded = NULL;
        enum opp_code rc;

        snprintf(effect_id, sizeof effect_id, "eff_%d", n);
        assert_int_equal(fixture_inspect(&call), OPP_OK);
        failing_alloc_set(n);
        rc = fixture_apply_effect(&f, call.effect, effect_id, &result);
        happened = failing_alloc_happened();
        failing_alloc_set(0);
        assert_outcome(n, rc);
        assert_true(happened || rc == OPP_OK);
        assert_int_equal(fixture_receipt(&f, "things", effect_id, &recorded), rc == OPP_OK ? OPP_OK : OPP_E_ABSENT);
        failed += rc != OPP_OK;
        json_decref(result);
        json_decref(recorded);
        fixture_call_free(&call);
    }
    assert_true(failed > 0);
}

static void a_read_without_memory_fails_alone(void **state)
{
    struct opp_read_options options = { 0 };
    bool happened = true;
    int failed = 0;

    (void)state;
    fixture_must_open(&f);
    for (int n = 1; happened; n++) {
        struct opp_tool_call call = fixture_call(&f, "a.get", "{}");
        char *text;

        failing_alloc_set(n);
        text = fixture_read(&call, &options);
        happened = failing_alloc_happened();
        failing_alloc_set(0);
        assert_outcome(n, call.rc);
        assert_true(happened || call.rc == OPP_OK);
        failed += call.rc != OPP_OK;
        free(text);
        fixture_call_free(&call);
    }
    assert_true(failed > 5);
    fixture_reads(&f, "a.get", "{}", "{\"items\":[{\"id\":\"t1\"},{\"id\":\"t2\"},{\"id\":\"t3\"}]}");
}

static void a_load_without_memory_leaves_what_is_there(void **state)
{
    bool happened = true;
    int failed = 0;

    (void)state;
    fixture_must_open(&f);
    fixture_write(&f, "b/init.lua",
                  "return { name = 'b', description = 'D.', databases = { more = { file = 'more.db', migrations = "
                  "{ '2.sql' } } }, tools = { { name = 'b.b', kind = 'action', scopes = { 's' }, description = 'D.', "
                  "resources = function() end, execute = function() end } } }");
    fixture_write(&f, "b/2.sql", "CREATE TABLE more (id TEXT);");
    for (int n = 1; happened; n += 1 + n / 40) {
        struct opp_adapters *beside = NULL;
        enum opp_code rc;

        failing_alloc_set(n);
        rc = fixture_load(&f, &beside, NULL);
        happened = failing_alloc_happened();
        failing_alloc_set(0);
        assert_outcome(n, rc);
        failed += rc != OPP_OK;
        assert_true(happened || rc == OPP_OK);
        assert_true((rc == OPP_OK) == (beside != NULL));
        opp_adapters_free(beside);
        fixture_reads(&f, "a.get", "{}", "{\"items\":[{\"id\":\"t1\"},{\"id\":\"t2\"},{\"id\":\"t3\"}]}");
    }
    assert_true(failed > 20);
}

int main(void)
{
#define with_adapters(test) cmocka_unit_test_prestate_setup_teardown(test, set_up, fixture_tear_down, &f)
    const struct CMUnitTest tests[] = {
        with_adapters(adapters_open_whole_or_not_at_all),
        with_adapters(a_call_without_memory_fails_alone),
        with_adapters(an_effect_without_memory_is_applied_whole_or_not_at_all),
        with_adapters(a_read_without_memory_fails_alone),
        with_adapters(a_load_without_memory_leaves_what_is_there),
    };

    return cmocka_run_group_tests_name("adapters without memory", tests, NULL, NULL);
}
