/* SPDX-License-Identifier: MIT */
#include "store/history.h"

#include "store/db.h"
#include "store/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
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

static const struct opp_migration LIST[] = {
    { "a/1.sql", "CREATE TABLE a(n); INSERT INTO a VALUES(1);" },
    { "a/2.sql", "INSERT INTO a VALUES(2) -- the second\n" },
};

/* As a writer does it: a transaction that is kept or undone. */
static enum opp_code bring(const struct opp_migration *list, size_t count, size_t *run, struct opp_err *err)
{
    enum opp_code rc;

    assert_int_equal(opp_db_run(db, "BEGIN IMMEDIATE", NULL), OPP_OK);
    rc = opp_history_check(db, list, count, run, err);
    if (rc == OPP_OK && *run > count)
        rc = opp_history_blame(db, count, err);
    if (rc == OPP_OK)
        rc = opp_history_run(db, list, count, *run, err);
    assert_int_equal(opp_db_run(db, rc == OPP_OK ? "COMMIT" : "ROLLBACK", NULL), OPP_OK);
    return rc;
}

static void each_script_runs_once_and_in_order(void **state)
{
    size_t run = 9;

    (void)state;
    assert_int_equal(bring(LIST, 1, &run, NULL), OPP_OK);
    assert_int_equal(run, 0);
    assert_int_equal(bring(LIST, 2, &run, NULL), OPP_OK);
    assert_int_equal(run, 1);
    assert_int_equal(bring(LIST, 2, &run, NULL), OPP_OK);
    assert_int_equal(run, 2);
    assert_int_equal(opp_db_run(db, "CREATE UNIQUE INDEX u ON a(n)", NULL), OPP_OK);
}

/* As before there was a record. */
static void what_ran_unrecorded_does_not_run_again(void **state)
{
    size_t run = 9;

    (void)state;
    assert_int_equal(opp_db_run(db, "CREATE TABLE a(n); INSERT INTO a VALUES(1); PRAGMA user_version=1", NULL), OPP_OK);
    assert_int_equal(bring(LIST, 2, &run, NULL), OPP_OK);
    assert_int_equal(run, 1);
    assert_int_equal(bring(LIST, 2, &run, NULL), OPP_OK);
    assert_int_equal(run, 2);
    assert_int_equal(opp_db_run(db, "CREATE UNIQUE INDEX u ON a(n)", NULL), OPP_OK);
}

static void what_has_run_is_neither_changed_nor_taken_away(void **state)
{
    struct opp_migration changed[] = { LIST[0], { "a/second.sql", "INSERT INTO a VALUES(3)" } };
    struct opp_err err = { 0 };
    size_t run;

    (void)state;
    assert_int_equal(bring(LIST, 2, &run, NULL), OPP_OK);
    assert_int_equal(bring(changed, 2, &run, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, "a/second.sql");
    assert_non_null(strstr(err.message, "a/2.sql"));
    err = (struct opp_err){ 0 };
    assert_int_equal(bring(LIST, 1, &run, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, "a/2.sql");
    err = (struct opp_err){ 0 };
    assert_int_equal(bring(LIST, 0, &run, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, "a/1.sql");
    changed[1].script = LIST[1].script; /* another name is not another script */
    assert_int_equal(bring(changed, 2, &run, NULL), OPP_OK);
}

static void a_list_may_know_less_than_has_run(void **state)
{
    size_t run;

    (void)state;
    assert_int_equal(bring(LIST, 2, &run, NULL), OPP_OK);
    assert_int_equal(opp_history_check(db, LIST, 1, &run, NULL), OPP_OK);
    assert_int_equal(run, 2);
    assert_int_equal(opp_history_run(db, LIST, 1, run, NULL), OPP_OK);
    assert_int_equal(opp_history_check(db, LIST + 1, 1, &run, NULL), OPP_E_CONFIG); /* what it knows must be the same */
}

static void a_mistake_has_its_line(void **state)
{
    static const struct {
        const char *script, *where;
    } cases[] = {
        { "NONSENSE", "b.sql:1" },
        { "CREATE TABLE b(n);\n\n  INSERT INTO c VALUES(1);\n", "b.sql:3" },
        { "CREATE TABLE b(n NOT NULL);\nINSERT INTO b\nVALUES(NULL);\n", "b.sql:2" },
        { "CREATE TABLE b(n);\nINSERT INTO b VALUES(1, 2", "b.sql:2" },
        { "COMMIT", "b.sql:1" },
        { "\nROLLBACK", "b.sql:2" },
        { "SAVEPOINT mine", "b.sql:1" },
        { "\n\nATTACH 'x' AS y", "b.sql:3" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct opp_migration list[] = { { "b.sql", cases[i].script } };
        struct opp_err err = { 0 };
        size_t run;

        assert_int_equal(bring(list, 1, &run, &err), OPP_E_CONFIG);
        assert_string_equal(err.where, cases[i].where);
    }
}

static void a_script_may_be_empty_or_give_rows(void **state)
{
    static const struct opp_migration scripts[] = {
        { "a", "" }, { "b", "-- nothing\n" }, { "c", ";;" }, { "d", "VALUES (1), (2); SELECT 3" }
    };
    size_t run;

    (void)state;
    assert_int_equal(bring(scripts, 4, &run, NULL), OPP_OK);
    assert_int_equal(bring(scripts, 4, &run, NULL), OPP_OK);
    assert_int_equal(run, 4);
}

int main(void)
{
#define with_db(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        with_db(each_script_runs_once_and_in_order),
        with_db(what_ran_unrecorded_does_not_run_again),
        with_db(what_has_run_is_neither_changed_nor_taken_away),
        with_db(a_list_may_know_less_than_has_run),
        with_db(a_mistake_has_its_line),
        with_db(a_script_may_be_empty_or_give_rows),
    };

    return cmocka_run_group_tests_name("histories", tests, NULL, NULL);
}
