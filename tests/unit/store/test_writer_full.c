/* SPDX-License-Identifier: MIT */
#include "store/db.h"
#include "store/writer_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

/* A database that may not grow is a disk that is full: SQLite says SQLITE_FULL of both. */

static enum opp_code run(const char *sql)
{
    struct op op = { .sql = sql };

    assert_int_equal(op_submit(&op, 0), OPP_OK);
    return op_wait(&op);
}

static int64_t rows(void)
{
    return bench_number("SELECT count(*) FROM pieces");
}

static void what_no_longer_fits_is_unavailable_and_the_writer_recovers(void **state)
{
    (void)state;
    assert_int_equal(run("INSERT INTO pieces VALUES(zeroblob(100))"), OPP_OK);
    assert_int_equal(run("PRAGMA max_page_count=10"), OPP_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(run("INSERT INTO pieces VALUES(zeroblob(200000))"), OPP_E_UNAVAILABLE);
    assert_int_equal(rows(), 1);
    assert_int_equal(run("PRAGMA max_page_count=100000"), OPP_OK);
    assert_int_equal(run("INSERT INTO pieces VALUES(zeroblob(200000))"), OPP_OK);
    assert_true(opp_writer_healthy(bench.writer));
    assert_int_equal(rows(), 2);
}

/* SQLite may undo the whole transaction then: the rest of the batch is told so. */
static void what_is_acknowledged_beside_what_does_not_fit_is_kept(void **state)
{
    struct op ops[20] = { 0 };
    int64_t kept = 0;

    (void)state;
    assert_int_equal(run("PRAGMA max_page_count=10"), OPP_OK);
    for (int i = 0; i < 20; i++) {
        ops[i].sql = i == 10 ? "INSERT INTO pieces VALUES(zeroblob(200000))" : "INSERT INTO pieces VALUES(1)";
        assert_int_equal(op_submit(&ops[i], 0), OPP_OK);
    }
    for (int i = 0; i < 20; i++) {
        enum opp_code rc = op_wait(&ops[i]);

        assert_true(rc == OPP_E_UNAVAILABLE || (rc == OPP_OK && i != 10));
        kept += rc == OPP_OK ? 1 : 0;
    }
    assert_int_equal(rows(), kept);
    assert_int_equal(run("INSERT INTO pieces VALUES(1)"), OPP_OK);
    assert_int_equal(rows(), kept + 1);
}

/* SQLite's own file methods, but for a log that takes no more pages while it is told so. */
static atomic_bool full;
static sqlite3_io_methods methods;
static const sqlite3_io_methods *original;
static int (*write_original)(sqlite3_file *, const void *, int, sqlite3_int64);

static int write_or_full(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
    return atomic_load(&full) ? SQLITE_FULL : write_original(file, bytes, count, offset);
}

static enum opp_code wrap_log(struct opp_db *db, void *arg, struct opp_err *err)
{
    sqlite3_file *log = NULL;

    (void)arg, (void)err;
    assert_int_equal(sqlite3_file_control(opp_db_handle(db), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log), SQLITE_OK);
    assert_non_null(log);
    assert_non_null(log->pMethods);
    original = log->pMethods;
    methods = *original;
    write_original = original->xWrite;
    methods.xWrite = write_or_full;
    log->pMethods = &methods;
    return OPP_OK;
}

static enum opp_code unwrap_log(struct opp_db *db, void *arg, struct opp_err *err)
{
    sqlite3_file *log = NULL;

    (void)arg, (void)err;
    sqlite3_file_control(opp_db_handle(db), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    log->pMethods = original;
    return OPP_OK;
}

static void run_function(enum opp_code (*fn)(struct opp_db *, void *, struct opp_err *))
{
    struct op op = { .write.apply = fn };

    assert_int_equal(op_submit(&op, 0), OPP_OK);
    assert_int_equal(op_wait(&op), OPP_OK);
}

static void a_commit_that_does_not_fit_did_not_happen(void **state)
{
    (void)state;
    assert_int_equal(run("INSERT INTO pieces VALUES(1)"), OPP_OK);
    run_function(wrap_log);
    atomic_store(&full, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run("INSERT INTO pieces VALUES(2)"), OPP_E_UNAVAILABLE);
        assert_false(opp_writer_healthy(bench.writer));
        assert_int_equal(run("SELECT 1"), OPP_E_UNAVAILABLE); /* who only asks whether it can write is told */
        assert_false(opp_writer_healthy(bench.writer));
    }
    assert_int_equal(rows(), 1);
    atomic_store(&full, false);
    assert_int_equal(run("SELECT 1"), OPP_OK);
    assert_true(opp_writer_healthy(bench.writer));
    assert_int_equal(run("INSERT INTO pieces VALUES(3)"), OPP_OK);
    assert_true(opp_writer_healthy(bench.writer));
    assert_int_equal(rows(), 2);
    run_function(unwrap_log);
}

/* So many ROLLBACKs cannot be prepared, as when memory is out. On the writer's thread. */
static int denials;

static int deny_rollback(void *arg, int code, const char *operation, const char *b, const char *c, const char *d)
{
    (void)arg, (void)b, (void)c, (void)d;
    if ((code != SQLITE_SAVEPOINT && code != SQLITE_TRANSACTION) || strcmp(operation, "ROLLBACK") != 0 || denials == 0)
        return SQLITE_OK;
    denials--;
    return SQLITE_DENY;
}

static enum opp_code change_and_fail(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct op *op = arg;

    assert_int_equal(opp_db_run(db, op->sql, err), OPP_OK);
    denials = 2;
    sqlite3_set_authorizer(opp_db_handle(db), deny_rollback, NULL);
    return OPP_E_PRECONDITION;
}

static void what_cannot_be_undone_is_not_committed(void **state)
{
    struct op op = { .write.apply = change_and_fail, .sql = "INSERT INTO pieces VALUES(1)" };

    (void)state;
    assert_int_equal(op_submit(&op, 0), OPP_OK);
    assert_int_equal(op_wait(&op), OPP_E_UNAVAILABLE);
    assert_int_equal(rows(), 0);
    assert_int_equal(run("INSERT INTO pieces VALUES(2)"), OPP_OK);
    assert_int_equal(rows(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_no_longer_fits_is_unavailable_and_the_writer_recovers),
        TEST(what_is_acknowledged_beside_what_does_not_fit_is_kept),
        TEST(a_commit_that_does_not_fit_did_not_happen),
        TEST(what_cannot_be_undone_is_not_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
