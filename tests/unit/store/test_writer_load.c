/* SPDX-License-Identifier: MIT */
#include "faults/vfs.h"
#include "store/db.h"
#include "store/writer_kit.h"

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
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The writer while the disk stands still, and while readers keep its log. */

#define PIECE_BYTES 1000000
#define READERS 4

static struct kit faults;
static char stall[KIT_PATH_MAX];

/* A row of as many bytes as the number says. */
static enum opp_code insert_piece(struct opp_db *db, void *arg, struct opp_err *err)
{
    const struct op *op = arg;
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "INSERT INTO pieces VALUES(zeroblob(?1))", &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, op->number);
    result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? OPP_OK : opp_db_error(db, result, err);
}

static enum opp_code submit(struct op *op, int64_t row_bytes, size_t held_bytes)
{
    op->write = (struct opp_write){ .apply = insert_piece, .bytes = held_bytes };
    return op_submit(op, row_bytes);
}

static enum opp_code insert(int64_t bytes)
{
    struct op op = { 0 };

    assert_int_equal(submit(&op, bytes, 100), OPP_OK);
    return op_wait(&op);
}

static int set_up(void **state)
{
    bench_set_up(state);
    opp_writer_stop(bench.writer);
    bench_start(4 << 20, 4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    unlink(stall);
    return bench_tear_down(state);
}

static void stop_the_disk(void)
{
    FILE *file = fopen(stall, "w");

    assert_non_null(file);
    fclose(file);
}

/* Submits until the queue takes no more, and gives how many it took; lets the disk go on and waits for them. */
static size_t fill(struct op *ops, size_t count, size_t held_bytes)
{
    size_t taken = 0;

    while (taken < count && submit(&ops[taken], 1, held_bytes) == OPP_OK)
        taken++;
    assert_true(taken < count);
    assert_int_equal(submit(&ops[taken], 1, held_bytes), OPP_E_UNAVAILABLE);
    unlink(stall);
    for (size_t i = 0; i < taken; i++)
        assert_int_equal(op_wait(&ops[i]), OPP_OK);
    assert_int_equal(atomic_load(&ops[taken].done), 0);
    return taken;
}

/* Beyond the queue's bound there is at most the one batch that the writer has in its hands. */
static void the_queue_of_a_disk_that_stands_still_is_bounded_in_rows(void **state)
{
    size_t count = OPP_WRITER_QUEUE_MAX + 1000, taken;
    struct op *ops = calloc(count, sizeof *ops);

    (void)state;
    assert_non_null(ops);
    stop_the_disk();
    taken = fill(ops, count, 1);
    assert_in_range(taken, OPP_WRITER_QUEUE_MAX, OPP_WRITER_QUEUE_MAX + 256);
    free(ops);
}

static void the_queue_of_a_disk_that_stands_still_is_bounded_in_bytes(void **state)
{
    struct op *ops = calloc(1000, sizeof *ops);
    size_t taken;

    (void)state;
    assert_non_null(ops);
    stop_the_disk();
    taken = fill(ops, 1000, 64 << 10);
    assert_in_range(taken, 64, 64 + 256);
    free(ops);
}

static size_t log_bytes(void)
{
    char name[KIT_PATH_MAX];
    struct stat status;

    kit_path(&bench.kit, "one.db-wal", name);
    assert_int_equal(stat(name, &status), 0);
    return (size_t)status.st_size;
}

static struct opp_db *start_reading(void)
{
    sqlite3_stmt *statement = NULL;
    struct opp_db *db = NULL;

    assert_int_equal(opp_db_open(bench.path, OPP_DB_READER, &db, NULL), OPP_OK);
    assert_int_equal(opp_db_step(db, "BEGIN", NULL), OPP_OK);
    assert_int_equal(opp_db_prepare(db, "SELECT count(*) FROM pieces", &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    return db;
}

static void a_reader_that_never_ends_stops_the_log_at_its_maximum_and_no_later(void **state)
{
    struct opp_db *reader = start_reading();
    enum opp_code rc = OPP_OK;
    size_t written = 0;

    (void)state;
    for (; rc == OPP_OK && written < 200; written++)
        rc = insert(PIECE_BYTES);
    assert_int_equal(rc, OPP_E_UNAVAILABLE);
    assert_false(opp_writer_healthy(bench.writer));
    assert_true(written * PIECE_BYTES > OPP_WRITER_LOG_MAX / 2);
    assert_true(log_bytes() <= OPP_WRITER_LOG_MAX);
    assert_int_equal(insert(1), OPP_E_UNAVAILABLE);
    opp_db_close(reader);
    assert_int_equal(insert(1), OPP_OK);
    assert_true(opp_writer_healthy(bench.writer));
}

static atomic_bool ending;

static void *read_again_and_again(void *arg)
{
    (void)arg;
    while (!atomic_load(&ending))
        opp_db_close(start_reading());
    return NULL;
}

/* There is hardly a moment in which nobody reads, and SQLite's own checkpoints wait for one. */
static void readers_that_come_and_go_do_not_keep_the_log(void **state)
{
    pthread_t readers[READERS];

    (void)state;
    atomic_store(&ending, false);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_again_and_again, NULL), 0);
    for (int i = 0; i < 120; i++)
        assert_int_equal(insert(PIECE_BYTES), OPP_OK);
    atomic_store(&ending, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_true(log_bytes() <= OPP_WRITER_LOG_MAX);
}

/* What spec/crash/writer_spec.lua relies on. */
static void a_second_connection_that_writes_is_noticed_and_so_is_a_late_lock(void **state)
{
    char violations[KIT_PATH_MAX];
    struct opp_db *second;

    (void)state;
    kit_path(&faults, "violations", violations);
    assert_int_equal(insert(1), OPP_OK);
    assert_int_not_equal(access(violations, F_OK), 0);
    second = kit_open_db(&bench.kit, "one.db");
    assert_int_equal(opp_db_run(second, "BEGIN; COMMIT", NULL), OPP_OK);
    assert_int_equal(unlink(violations), 0);
    assert_int_equal(opp_db_run(second, "INSERT INTO pieces VALUES(1)", NULL), OPP_OK);
    assert_int_equal(unlink(violations), 0);
    opp_db_close(second);
}

static int make_faults(void **state)
{
    (void)state;
    kit_make_dir(&faults);
    kit_path(&faults, "stall", stall);
    setenv("OPP_FAULT_DIR", faults.dir, 1);
    fault_vfs_install();
    return 0;
}

static int remove_faults(void **state)
{
    (void)state;
    kit_remove_dir(&faults);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_queue_of_a_disk_that_stands_still_is_bounded_in_rows),
        TEST(the_queue_of_a_disk_that_stands_still_is_bounded_in_bytes),
        TEST(a_reader_that_never_ends_stops_the_log_at_its_maximum_and_no_later),
        TEST(readers_that_come_and_go_do_not_keep_the_log),
        TEST(a_second_connection_that_writes_is_noticed_and_so_is_a_late_lock),
    };

    return cmocka_run_group_tests(tests, make_faults, remove_faults);
}
