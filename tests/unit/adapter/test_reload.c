/* SPDX-License-Identifier: MIT */
#include "adapter/adapter_fixture.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INIT(declared, name)                                                                                         \
    "return { name = 'a', description = 'D.', databases = { " declared " }, tools = { { name = '" name               \
    "', kind = 'read', scopes = { 's' }, description = 'D.', http = { method = 'GET', path = '/b' }, read = "        \
    "function(call) return { count = call.sql('things'):value('SELECT count(*) FROM things') } end }, { name = "     \
    "'a.add', kind = 'action', scopes = { 's' }, description = 'D.', resources = function() return { { kind = 'x', " \
    "id = 'y' } } end, execute = function() return sql.effect { database = 'things', { 'INSERT INTO things (id, "    \
    "name) VALUES (:effect_id, :effect_id)', affects = 1 }, result = {} } end } } }"
#define THINGS "things = { file = 'things.db', migrations = { '1.sql' }, demo = 'demo.sql' }"

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f);
    fixture_write(&f, "a/init.lua", INIT(THINGS, "a.count"));
    fixture_must_open(&f);
    return 0;
}

/* What is loaded anew, as a worker has it; old keeps what it had. */
static struct fixture load_beside(struct fixture *old)
{
    struct fixture beside = *old;

    if (fixture_load(&beside, &beside.adapters, NULL) != OPP_OK)
        fail_msg("%s: %s", beside.err.where, beside.err.message);
    assert_int_equal(opp_adapter_session_open(beside.adapters, &beside.session, NULL), OPP_OK);
    return beside;
}

static void unload(struct fixture *beside)
{
    opp_adapter_session_close(beside->session);
    opp_adapters_free(beside->adapters);
}

static void assert_load_refused(const char *where, const char *message)
{
    struct opp_adapters *none = NULL;
    json_t *issues = json_array();

    assert_int_equal(fixture_load(&f, &none, issues), OPP_E_CONFIG);
    assert_null(none);
    assert_string_equal(f.err.where, where);
    assert_non_null(strstr(f.err.message, message));
    assert_int_equal(json_array_size(issues), 1);
    assert_non_null(strstr(opp_json_text(json_array_get(issues, 0), "message"), message));
    json_decref(issues);
    fixture_reads(&f, "a.count", "{}", "{\"count\":3}");
}

static void files_come_back_from_json_as_they_were(void **state)
{
    struct opp_adapter_sources *read = NULL, *again = NULL;
    json_t *value;

    (void)state;
    fixture_write(&f, "a/notes.txt", "not one of them");
    fixture_write(&f, "b/init.lua", "return 1");
    fixture_write(&f, "empty/other.lua", "no adapter");
    assert_int_equal(opp_adapter_sources_read(f.adapters_dir, &read, NULL), OPP_OK);
    value = opp_adapter_sources_to_json(read);
    assert_int_equal(json_array_size(value), 2);
    assert_int_equal(json_array_size(json_object_get(json_array_get(value, 0), "files")), 3);
    assert_int_equal(opp_adapter_sources_from_json(value, &again, NULL), OPP_OK);
    assert_string_equal(opp_adapter_sources_sha256(read), opp_adapter_sources_sha256(again));
    opp_adapter_sources_unref(again);
    json_object_set_new(json_array_get(value, 1), "name", json_string("c"));
    assert_int_equal(opp_adapter_sources_from_json(value, &again, NULL), OPP_OK);
    assert_string_not_equal(opp_adapter_sources_sha256(read), opp_adapter_sources_sha256(again));
    opp_adapter_sources_unref(again);
    opp_adapter_sources_unref(read);
    json_decref(value);
}

static void stored_files_that_are_damaged_are_refused(void **state)
{
    static const char *const cases[] = { "{}",
                                         "[1]",
                                         "[{\"name\":\"a\"}]",
                                         "[{\"files\":[]}]",
                                         "[{\"name\":\"a\",\"files\":[{\"name\":\"b\"}]}]",
                                         "[{\"name\":\"a\",\"files\":[{\"text\":\"b\"}]}]" };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct opp_adapter_sources *none = NULL;
        json_t *value = json_loads(cases[i], 0, NULL);

        assert_int_equal(opp_adapter_sources_from_json(value, &none, NULL), OPP_E_VALIDATION);
        assert_null(none);
        json_decref(value);
    }
}

static void the_old_and_the_new_work_beside_each_other_on_one_database(void **state)
{
    struct opp_tool_call old = fixture_call(&f, "a.add", "{}"), new;
    struct fixture beside;
    json_t *result = NULL;

    (void)state;
    assert_int_equal(fixture_inspect(&old), OPP_OK);
    fixture_write(&f, "a/2.sql",
                  "ALTER TABLE things ADD COLUMN extra TEXT; INSERT INTO things (id, name) VALUES "
                  "('t4', 'four');");
    fixture_write(&f, "a/init.lua",
                  INIT("things = { file = 'things.db', migrations = { '1.sql', '2.sql' } }", "a.number"));
    beside = load_beside(&f);
    assert_null(opp_tool_find(beside.adapters, "a.count"));
    fixture_reads(&beside, "a.number", "{}", "{\"count\":4}");
    new = fixture_call(&beside, "a.add", "{}");
    assert_int_equal(fixture_apply(&beside, &new, "eff_new", &result), OPP_OK);
    json_decref(result);
    fixture_call_free(&new);
    unload(&beside);
    assert_int_equal(fixture_apply_effect(&f, old.effect, "eff_old", &result), OPP_OK);
    json_decref(result);
    fixture_reads(&f, "a.count", "{}", "{\"count\":6}");
    fixture_call_free(&old);
}

static void an_effect_outlives_what_it_was_made_by(void **state)
{
    struct fixture beside = load_beside(&f);
    struct opp_tool_call call = fixture_call(&beside, "a.add", "{}");
    json_t *result = NULL, *found = NULL;

    (void)state;
    assert_int_equal(fixture_inspect(&call), OPP_OK);
    unload(&beside);
    assert_int_equal(fixture_apply_effect(&f, call.effect, "eff_1", &result), OPP_OK);
    assert_int_equal(fixture_receipt(&f, opp_effect_database(call.effect), "eff_1", &found), OPP_OK);
    json_decref(found);
    json_decref(result);
    fixture_call_free(&call);
}

static void a_database_that_nobody_declares_any_more_still_has_its_receipts(void **state)
{
    struct opp_tool_call call = fixture_call(&f, "a.add", "{}");
    struct fixture beside;
    json_t *result = NULL, *found = NULL;

    (void)state;
    assert_int_equal(fixture_apply(&f, &call, "eff_1", &result), OPP_OK);
    fixture_write(&f, "a/init.lua", INIT("", "a.count"));
    beside = load_beside(&f);
    assert_int_equal(fixture_receipt(&f, opp_effect_database(call.effect), "eff_1", &found), OPP_OK);
    unload(&beside);
    json_decref(found);
    json_decref(result);
    fixture_call_free(&call);
}

static void what_was_in_force_comes_back_to_a_database_that_has_gone_on(void **state)
{
    struct fixture beside;

    (void)state;
    fixture_write(&f, "a/2.sql", "INSERT INTO things (id, name) VALUES ('t4', 'four');");
    fixture_write(&f, "a/init.lua",
                  INIT("things = { file = 'things.db', migrations = { '1.sql', '2.sql' } }", "a.count"));
    beside = load_beside(&f);
    unload(&beside);
    fixture_write(&f, "a/init.lua", INIT(THINGS, "a.count"));
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), OPP_E_CONFIG);
    assert_string_equal(f.err.where, "a/2.sql");
    fixture_close(&f);
    f.behind = true;
    fixture_must_open(&f);
    fixture_reads(&f, "a.count", "{}", "{\"count\":4}");
}

static void a_name_and_its_file_belong_together(void **state)
{
    (void)state;
    fixture_write(&f, "a/init.lua", INIT("things = { file = 'b.db', migrations = { '1.sql' } }", "a.count"));
    assert_load_refused("a/init.lua", "things.db");
    fixture_write(&f, "a/init.lua", INIT("others = { file = 'things.db', migrations = { '1.sql' } }", "a.count"));
    assert_load_refused("a/init.lua", "things.db");
}

static void the_mistake_in_one_database_leaves_all_as_they_were(void **state)
{
    (void)state;
    fixture_write(&f, "a/2.sql", "DELETE FROM things;");
    fixture_write(&f, "a/b.sql", "CREATE TABLE b (id TEXT);\nNONSENSE;");
    fixture_write(&f, "a/init.lua",
                  INIT("things = { file = 'things.db', migrations = { '1.sql', '2.sql' } }, b = { file = 'b.db', "
                       "migrations = { 'b.sql' } }",
                       "a.count"));
    assert_load_refused("a/b.sql:2", "NONSENSE");
    fixture_write(&f, "a/1.sql", "SELECT 1;");
    fixture_write(&f, "a/init.lua", INIT(THINGS, "a.count"));
    assert_load_refused("a/1.sql", "changed");
}

static void a_path_of_the_protocol_is_not_a_tool_s(void **state)
{
    static const char *const paths[] = { "/manifest", "/drafts", "/drafts/mine", "/actions/x" };

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char text[512];

        snprintf(text, sizeof text,
                 "return { name = 'a', description = 'D.', tools = { { name = 'a.b', kind = 'read', scopes = { 's' },\n"
                 "description = 'D.', http = { method = 'GET', path = '%s' },\nread = function() return {} end } } }",
                 paths[i]);
        fixture_write(&f, "a/init.lua", text);
        assert_load_refused("a/init.lua:3", "the protocol's own");
    }
}

int main(void)
{
#define with_adapters(test) cmocka_unit_test_prestate_setup_teardown(test, set_up, fixture_tear_down, &f)
    const struct CMUnitTest tests[] = {
        with_adapters(files_come_back_from_json_as_they_were),
        with_adapters(stored_files_that_are_damaged_are_refused),
        with_adapters(the_old_and_the_new_work_beside_each_other_on_one_database),
        with_adapters(an_effect_outlives_what_it_was_made_by),
        with_adapters(a_database_that_nobody_declares_any_more_still_has_its_receipts),
        with_adapters(what_was_in_force_comes_back_to_a_database_that_has_gone_on),
        with_adapters(a_name_and_its_file_belong_together),
        with_adapters(the_mistake_in_one_database_leaves_all_as_they_were),
        with_adapters(a_path_of_the_protocol_is_not_a_tool_s),
    };

    return cmocka_run_group_tests_name("adapters that are loaded again", tests, NULL, NULL);
}
