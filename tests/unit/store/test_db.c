/* SPDX-License-Identifier: MIT */
#include "store/db.h"

#include "base/clock.h"
#include "store/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct kit kit;
static char path[KIT_PATH_MAX];

static int set_up(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    kit_path(&kit, "one.db", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kit_remove_dir(&kit);
    return 0;
}

static struct opp_db *open_db(enum opp_db_mode mode)
{
    struct opp_db *db = NULL;
    struct opp_err err = { 0 };

    if (opp_db_open(path, mode, &db, &err) != OPP_OK)
        fail_msg("%s", err.message);
    return db;
}

static void run(struct opp_db *db, const char *sql)
{
    struct opp_err err = { 0 };

    if (opp_db_run(db, sql, &err) != OPP_OK)
        fail_msg("%s: %s", sql, err.message);
}

static int64_t number(struct opp_db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value;

    assert_int_equal(opp_db_prepare(db, sql, &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return value;
}

static void a_writer_has_the_pragmas_that_durability_rests_on(void **state)
{
    struct opp_db *db = open_db(OPP_DB_WRITER);
    sqlite3_stmt *statement = NULL;

    (void)state;
    assert_int_equal(number(db, "PRAGMA synchronous"), 2);
    assert_int_equal(number(db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(number(db, "PRAGMA trusted_schema"), 0);
    assert_int_equal(number(db, "PRAGMA journal_size_limit"), 64 << 20);
    assert_int_equal(opp_db_prepare(db, "PRAGMA journal_mode", &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "wal");
    opp_db_close(db);
}

static void a_reader_can_do_nothing_but_read(void **state)
{
    static const char *const refused[] = {
        "INSERT INTO t VALUES(2)",
        "UPDATE t SET n=2",
        "DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE u(n)",
        "PRAGMA query_only=OFF",
        "PRAGMA wal_checkpoint",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA wal_autocheckpoint=1",
        "PRAGMA user_version",
        "ATTACH ':memory:' AS x",
        "ATTACH '/tmp/opp-test-other' AS x",
        "CREATE TEMP TABLE u(n)",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '/tmp/opp-x'",
        "UPDATE sqlite_master SET sql=''",
        "ANALYZE",
        "SAVEPOINT one",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE t ADD COLUMN m",
        "CREATE TEMP VIEW v AS SELECT 1",
    };
    struct opp_db *writer = open_db(OPP_DB_WRITER), *reader;

    (void)state;
    run(writer, "CREATE TABLE t(n); INSERT INTO t VALUES(1)");
    reader = open_db(OPP_DB_READER);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (opp_db_run(reader, refused[i], NULL) == OPP_OK)
            fail_msg("a reader may: %s", refused[i]);
    assert_int_equal(number(reader, "SELECT n FROM t"), 1);
    assert_int_equal(number(reader, "SELECT count(*) FROM json_each('[1,2]')"), 2);
    assert_int_equal(number(reader, "WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x+1 FROM c WHERE x<3)"
                                    " SELECT max(x) FROM c"),
                     3);
    opp_db_close(reader);
    opp_db_close(writer);
}

static void a_reader_sees_nothing_uncommitted_and_one_state_in_a_transaction(void **state)
{
    struct opp_db *writer = open_db(OPP_DB_WRITER), *reader;

    (void)state;
    run(writer, "CREATE TABLE t(n); INSERT INTO t VALUES(1)");
    reader = open_db(OPP_DB_READER);
    run(writer, "BEGIN IMMEDIATE; UPDATE t SET n=2");
    assert_int_equal(number(reader, "SELECT n FROM t"), 1);
    run(reader, "BEGIN");
    assert_int_equal(number(reader, "SELECT n FROM t"), 1);
    run(writer, "COMMIT");
    assert_int_equal(number(reader, "SELECT n FROM t"), 1);
    run(reader, "COMMIT");
    assert_int_equal(number(reader, "SELECT n FROM t"), 2);
    opp_db_close(reader);
    opp_db_close(writer);
}

static void a_reader_never_makes_a_file(void **state)
{
    struct opp_db *db = NULL;
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_db_open(path, OPP_DB_READER, &db, &err), OPP_E_IO);
    assert_null(db);
    assert_non_null(strstr(err.message, "one.db"));
}

static void what_is_no_database_is_refused_by_name(void **state)
{
    struct opp_db *db = NULL;
    struct opp_err err = { 0 };
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 200; i++)
        fputs("this is no database at all ", file);
    fclose(file);
    assert_int_equal(opp_db_open(path, OPP_DB_WRITER, &db, &err), OPP_E_IO);
    assert_non_null(strstr(err.message, "one.db"));
}

static void a_statement_is_lent_again_reset_and_unbound(void **state)
{
    struct opp_db *db = open_db(OPP_DB_WRITER);
    sqlite3_stmt *first = NULL, *again = NULL;

    (void)state;
    assert_int_equal(opp_db_prepare(db, "SELECT ?1", &first, NULL), OPP_OK);
    sqlite3_bind_int(first, 1, 7);
    assert_int_equal(sqlite3_step(first), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(first, 0), 7);
    assert_int_equal(opp_db_prepare(db, "SELECT ?1", &again, NULL), OPP_OK);
    assert_ptr_equal(first, again);
    assert_int_equal(sqlite3_step(again), SQLITE_ROW);
    assert_int_equal(sqlite3_column_type(again, 0), SQLITE_NULL);
    opp_db_close(db);
}

static void only_one_whole_statement_is_prepared(void **state)
{
    struct opp_db *db = open_db(OPP_DB_WRITER);
    sqlite3_stmt *statement = NULL;
    struct opp_err err = { 0 };

    (void)state;
    assert_int_equal(opp_db_prepare(db, "SELECT 1; SELECT 2", &statement, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_db_prepare(db, "", &statement, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_db_prepare(db, "SELECT nonsense", &statement, &err), OPP_E_INTERNAL);
    assert_non_null(strstr(err.message, "nonsense"));
    assert_null(statement);
    assert_int_equal(opp_db_prepare(db, "SELECT 1 ; ", &statement, NULL), OPP_OK);
    opp_db_close(db);
}

/* More texts than are kept, while one statement is in the middle of its rows. */
static void a_statement_that_is_being_stepped_outlives_any_number_of_others(void **state)
{
    struct opp_db *db = open_db(OPP_DB_WRITER);
    sqlite3_stmt *rows = NULL;
    char sql[64];

    (void)state;
    run(db, "CREATE TABLE t(n); WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x+1 FROM c WHERE x<600)"
            " INSERT INTO t SELECT x FROM c");
    assert_int_equal(opp_db_prepare(db, "SELECT n FROM t ORDER BY n", &rows, NULL), OPP_OK);
    for (int i = 1; i <= 600; i++) {
        assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(rows, 0), i);
        snprintf(sql, sizeof sql, "SELECT %d FROM t", i);
        assert_int_equal(number(db, sql), i);
    }
    assert_int_equal(sqlite3_step(rows), SQLITE_DONE);
    opp_db_close(db);
}

static void results_are_told_apart_by_what_a_caller_can_do(void **state)
{
    struct opp_db *db = open_db(OPP_DB_WRITER);

    (void)state;
    assert_int_equal(opp_db_error(db, SQLITE_FULL, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(opp_db_error(db, SQLITE_BUSY_SNAPSHOT, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(opp_db_error(db, SQLITE_IOERR_FSYNC, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(opp_db_error(db, SQLITE_READONLY, NULL), OPP_E_UNAVAILABLE);
    assert_int_equal(opp_db_error(db, SQLITE_CONSTRAINT_UNIQUE, NULL), OPP_E_EXISTS);
    assert_int_equal(opp_db_error(db, SQLITE_NOMEM, NULL), OPP_E_MEMORY);
    assert_int_equal(opp_db_error(db, SQLITE_INTERRUPT, NULL), OPP_E_LIMIT);
    assert_int_equal(opp_db_error(db, SQLITE_ERROR, NULL), OPP_E_INTERNAL);
    assert_int_equal(opp_db_error(NULL, SQLITE_FULL, NULL), OPP_E_UNAVAILABLE);
    run(db, "CREATE TABLE t(n UNIQUE); INSERT INTO t VALUES(1)");
    assert_int_equal(opp_db_run(db, "INSERT INTO t VALUES(1)", NULL), OPP_E_EXISTS);
    opp_db_close(db);
}

static void a_statement_ends_at_its_deadline(void **state)
{
    static const char endless[] =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c";
    struct opp_db *db = open_db(OPP_DB_WRITER);
    struct opp_err err = { 0 };

    (void)state;
    opp_db_deadline(db, opp_monotonic_ms() + 20);
    assert_int_equal(opp_db_run(db, endless, &err), OPP_E_LIMIT);
    opp_db_deadline(db, 0);
    assert_int_equal(number(db, "WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x+1 FROM c WHERE x<5000)"
                                " SELECT count(*) FROM c"),
                     5000);
    opp_db_close(db);
}

/* 20 ms go by of which the statement has nothing, as on a machine that others keep busy. */
static void a_budget_is_of_the_processor_and_not_of_the_clock(void **state)
{
    static const char endless[] =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c";
    const struct timespec busy = { .tv_nsec = 20000000 };
    struct opp_db *db = open_db(OPP_DB_WRITER);
    clock_t began;

    (void)state;
    opp_db_budget(db, 10);
    nanosleep(&busy, NULL);
    assert_int_equal(opp_db_run(db,
                                "WITH RECURSIVE c(x) AS (SELECT 1 UNION SELECT x+1 FROM c WHERE x<500)"
                                " SELECT count(*) FROM c",
                                NULL),
                     OPP_OK);
    began = clock();
    assert_int_equal(opp_db_run(db, endless, NULL), OPP_E_LIMIT);
    assert_true(clock() - began < 2 * CLOCKS_PER_SEC);
    opp_db_budget(db, 0);
    opp_db_close(db);
}

/* The lock's holder never lets go; without the deadline this would take five seconds. */
static void a_wait_for_a_lock_ends_at_the_deadline_too(void **state)
{
    struct opp_db *holder = open_db(OPP_DB_WRITER), *waiter = open_db(OPP_DB_WRITER);
    int64_t began_ms;

    (void)state;
    run(holder, "BEGIN IMMEDIATE");
    began_ms = opp_monotonic_ms();
    opp_db_deadline(waiter, began_ms + 20);
    assert_int_equal(opp_db_run(waiter, "BEGIN IMMEDIATE", NULL), OPP_E_UNAVAILABLE);
    assert_true(opp_monotonic_ms() - began_ms < 4000);
    run(holder, "COMMIT");
    opp_db_deadline(waiter, 0);
    run(waiter, "BEGIN IMMEDIATE; COMMIT");
    opp_db_close(waiter);
    opp_db_close(holder);
}

struct closing {
    struct opp_db *writer;
    atomic_bool closed;
};

static void *close_writer(void *arg)
{
    struct closing *closing = arg;

    opp_db_close(closing->writer);
    atomic_store(&closing->closed, true);
    return NULL;
}

/* Whoever closes a database last copies its log, and lets nobody in meanwhile. */
static void who_opens_a_database_that_another_closes_waits_for_that(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct closing closing = { .writer = open_db(OPP_DB_WRITER) };
        pthread_t thread;

        run(closing.writer, "PRAGMA wal_autocheckpoint=0; CREATE TABLE IF NOT EXISTS t(a);"
                            " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
                            " INSERT INTO t SELECT randomblob(4000) FROM n");
        assert_int_equal(pthread_create(&thread, NULL, close_writer, &closing), 0);
        while (!atomic_load(&closing.closed))
            opp_db_close(open_db(OPP_DB_READER));
        pthread_join(thread, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_writer_has_the_pragmas_that_durability_rests_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_can_do_nothing_but_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_sees_nothing_uncommitted_and_one_state_in_a_transaction, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reader_never_makes_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_database_is_refused_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_statement_is_lent_again_reset_and_unbound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_one_whole_statement_is_prepared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_statement_that_is_being_stepped_outlives_any_number_of_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(results_are_told_apart_by_what_a_caller_can_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_statement_ends_at_its_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_budget_is_of_the_processor_and_not_of_the_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wait_for_a_lock_ends_at_the_deadline_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_opens_a_database_that_another_closes_waits_for_that, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
