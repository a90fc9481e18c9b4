/* SPDX-License-Identifier: MIT */
#include "store/migrate.h"

#include "store/db.h"
#include "store/migrations.h"
#include "store/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <sqlite3.h>
#include <string.h>

static struct kit kit;
static struct opp_db *db;

static int set_up(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    db = kit_open_db(&kit, "one.db");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    opp_db_close(db);
    kit_remove_dir(&kit);
    return 0;
}

static const char *const SCRIPTS[] = { "CREATE TABLE a(n); INSERT INTO a VALUES(1)", "INSERT INTO a VALUES(2)" };

static void each_script_runs_once_and_in_order(void **state)
{
    int fresh = -1;

    (void)state;
    assert_int_equal(opp_migrate(db, "one", SCRIPTS, 1, &fresh, NULL), OPP_OK);
    assert_int_equal(fresh, 1);
    assert_int_equal(opp_migrate(db, "one", SCRIPTS, 2, &fresh, NULL), OPP_OK);
    assert_int_equal(fresh, 0);
    assert_int_equal(opp_migrate(db, "one", SCRIPTS, 2, NULL, NULL), OPP_OK);
    assert_int_equal(opp_db_run(db, "CREATE UNIQUE INDEX u ON a(n)", NULL), OPP_OK);
}

static void a_database_from_the_future_is_refused_by_name(void **state)
{
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_migrate(db, "one", SCRIPTS, 2, NULL, NULL), OPP_OK);
    assert_int_equal(opp_migrate(db, "one", SCRIPTS, 1, NULL, &err), OPP_E_CONFIG);
    assert_non_null(strstr(err.message, "one"));
}

static void no_memory(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_error_nomem(context);
}

static void a_script_that_memory_is_out_for_is_no_mistake(void **state)
{
    static const char *const scripts[] = { "SELECT no_memory()" };

    (void)state;
    assert_int_equal(
        sqlite3_create_function(opp_db_handle(db), "no_memory", 0, SQLITE_UTF8, NULL, no_memory, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(opp_migrate(db, "one", scripts, 1, NULL, NULL), OPP_E_MEMORY);
}

static void a_version_below_zero_is_refused_too(void **state)
{
    (void)state;
    assert_int_equal(opp_db_run(db, "PRAGMA user_version=-1", NULL), OPP_OK);
    assert_int_equal(opp_migrate(db, "one", SCRIPTS, 2, NULL, NULL), OPP_E_CONFIG);
}

static void a_wrong_script_leaves_nothing_and_can_be_mended(void **state)
{
    static const char *const broken[] = { "CREATE TABLE a(n); INSERT INTO a VALUES(1)",
                                          "CREATE TABLE b(n); INSERT INTO nowhere VALUES(1)" };
    static const char *const mended[] = { "never run again", "CREATE TABLE b(n); INSERT INTO b VALUES(1)" };
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_migrate(db, "one", broken, 2, NULL, &err), OPP_E_CONFIG);
    assert_non_null(strstr(err.message, "one"));
    assert_non_null(strstr(err.message, "nowhere"));
    assert_int_equal(opp_db_run(db, "SELECT * FROM b", NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_migrate(db, "one", mended, 2, NULL, NULL), OPP_OK);
    assert_int_equal(opp_db_run(db, "SELECT * FROM b", NULL), OPP_OK);
}

static void the_gateways_own_scripts_run(void **state)
{
    int fresh = -1;

    (void)state;
    assert_int_equal(opp_migrate(db, "gateway.db", OPP_MIGRATIONS, OPP_MIGRATION_COUNT, &fresh, NULL), OPP_OK);
    assert_int_equal(fresh, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_script_runs_once_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_from_the_future_is_refused_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_that_memory_is_out_for_is_no_mistake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_version_below_zero_is_refused_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_script_leaves_nothing_and_can_be_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_gateways_own_scripts_run, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
