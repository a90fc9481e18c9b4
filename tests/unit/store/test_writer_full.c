/* SPDX-License-Identifier: MIT */
#include "store/db.h"
#include "store/store_kit.h"
#include "store/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A database that may not grow is a disk that is full: SQLite says SQLITE_FULL of both. */

struct op {
    struct opp_write write;
    const char *sql;
    atomic_int done;
};

static struct kit kit;
static char path[KIT_PATH_MAX];
static struct opp_writer *writer;

static enum opp_code apply(struct opp_db *db, void *arg, struct opp_err *err)
{
    const struct op *op = arg;

    return opp_db_run(db, op->sql, err);
}

static void done(void *arg)
{
    struct op *op = arg;

    atomic_store(&op->done, 1);
}

static void submit(struct op *op, const char *sql)
{
    op->sql = sql;
    op->write = (struct opp_write){ .apply = apply, .done = done, .arg = op, .bytes = 1 };
    assert_int_equal(opp_writer_submit(writer, &op->write), OPP_OK);
}

static enum opp_code wait_for(struct op *op)
{
    for (int i = 0; i < 20000 && atomic_load(&op->done) == 0; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000L }, NULL);
    assert_int_equal(atomic_load(&op->done), 1);
    return op->write.rc;
}

static enum opp_code run(const char *sql)
{
    struct op op = { 0 };

    submit(&op, sql);
    return wait_for(&op);
}

static int set_up(void **state)
{
    struct opp_writer_settings settings = { .name = "one", .queue_max_bytes = 1 << 20, .on_unknown = kit_on_unknown };
    struct opp_db *db = NULL;

    (void)state;
    kit_make_dir(&kit);
    kit_path(&kit, "one.db", path);
    assert_int_equal(opp_db_open(path, OPP_DB_WRITER, &db, NULL), OPP_OK);
    assert_int_equal(opp_db_run(db, "CREATE TABLE t(b)", NULL), OPP_OK);
    return opp_writer_start(db, &settings, &writer, NULL) == OPP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    opp_writer_stop(writer);
    kit_remove_dir(&kit);
    return 0;
}

static int64_t rows(void)
{
    struct opp_db *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t count;

    assert_int_equal(opp_db_open(path, OPP_DB_READER, &db, NULL), OPP_OK);
    assert_int_equal(opp_db_prepare(db, "SELECT count(*) FROM t", &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    count = sqlite3_column_int64(statement, 0);
    opp_db_close(db);
    return count;
}

static void what_no_longer_fits_is_unavailable_and_the_writer_recovers(void **state)
{
    (void)state;
    assert_int_equal(run("INSERT INTO t VALUES(zeroblob(100))"), OPP_OK);
    assert_int_equal(run("PRAGMA max_page_count=10"), OPP_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(run("INSERT INTO t VALUES(zeroblob(200000))"), OPP_E_UNAVAILABLE);
    assert_int_equal(rows(), 1);
    assert_int_equal(run("PRAGMA max_page_count=100000"), OPP_OK);
    assert_int_equal(run("INSERT INTO t VALUES(zeroblob(200000))"), OPP_OK);
    assert_true(opp_writer_healthy(writer));
    assert_int_equal(rows(), 2);
}

/* SQLite may undo the whole transaction then: the rest of the batch is told so. */
static void what_is_acknowledged_beside_what_does_not_fit_is_kept(void **state)
{
    struct op ops[20] = { 0 };
    int64_t kept = 0;

    (void)state;
    assert_int_equal(run("PRAGMA max_page_count=10"), OPP_OK);
    for (int i = 0; i < 20; i++)
        submit(&ops[i], i == 10 ? "INSERT INTO t VALUES(zeroblob(200000))" : "INSERT INTO t VALUES(1)");
    for (int i = 0; i < 20; i++) {
        enum opp_code rc = wait_for(&ops[i]);

        assert_true(rc == OPP_E_UNAVAILABLE || (rc == OPP_OK && i != 10));
        kept += rc == OPP_OK ? 1 : 0;
    }
    assert_int_equal(rows(), kept);
    assert_int_equal(run("INSERT INTO t VALUES(1)"), OPP_OK);
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
    struct op op = { 0 };

    op.write = (struct opp_write){ .apply = fn, .done = done, .arg = &op, .bytes = 1 };
    assert_int_equal(opp_writer_submit(writer, &op.write), OPP_OK);
    assert_int_equal(wait_for(&op), OPP_OK);
}

static void a_commit_that_does_not_fit_did_not_happen(void **state)
{
    (void)state;
    assert_int_equal(run("INSERT INTO t VALUES(1)"), OPP_OK);
    run_function(wrap_log);
    atomic_store(&full, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run("INSERT INTO t VALUES(2)"), OPP_E_UNAVAILABLE);
        assert_false(opp_writer_healthy(writer));
        assert_int_equal(run("SELECT 1"), OPP_E_UNAVAILABLE); /* who only asks whether it can write is told */
        assert_false(opp_writer_healthy(writer));
    }
    assert_int_equal(rows(), 1);
    atomic_store(&full, false);
    assert_int_equal(run("SELECT 1"), OPP_OK);
    assert_true(opp_writer_healthy(writer));
    assert_int_equal(run("INSERT INTO t VALUES(3)"), OPP_OK);
    assert_true(opp_writer_healthy(writer));
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
    struct op op = { .sql = "INSERT INTO t VALUES(1)" };

    (void)state;
    op.write = (struct opp_write){ .apply = change_and_fail, .done = done, .arg = &op, .bytes = 1 };
    assert_int_equal(opp_writer_submit(writer, &op.write), OPP_OK);
    assert_int_equal(wait_for(&op), OPP_E_UNAVAILABLE);
    assert_int_equal(rows(), 0);
    assert_int_equal(run("INSERT INTO t VALUES(2)"), OPP_OK);
    assert_int_equal(rows(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
