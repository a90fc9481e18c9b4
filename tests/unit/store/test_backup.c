/* SPDX-License-Identifier: MIT */
#include "store/backup.h"

#include "store/db.h"
#include "store/store_kit.h"
#include "store/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES 2000 /* of each database when a test begins */

/* Two databases and a thread that writes each number first to the claims and then, when that is durable, to the
 * effects: what the gateway does. */
static struct kit kit, copies;
static struct opp_writer *claims, *effects;
static atomic_bool ending;
static atomic_int written;
static pthread_t thread;

struct op {
    struct opp_write write;
    int number;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
};

static enum opp_code apply(struct opp_db *db, void *arg, struct opp_err *err)
{
    const struct op *op = arg;
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(db, "UPDATE t SET n = ?1 WHERE id = ?2", &statement, err);

    if (rc != OPP_OK)
        return rc;
    sqlite3_bind_int(statement, 1, op->number);
    sqlite3_bind_int(statement, 2, 1 + op->number * 37 % PAGES); /* here and there, before and behind the copy */
    rc = sqlite3_step(statement) == SQLITE_DONE ? OPP_OK : OPP_E_INTERNAL;
    sqlite3_reset(statement);
    return rc;
}

static void done(void *arg)
{
    struct op *op = arg;

    pthread_mutex_lock(&op->lock);
    op->done = true;
    pthread_cond_signal(&op->wake);
    pthread_mutex_unlock(&op->lock);
}

static void write_one(struct opp_writer *writer, int number)
{
    struct op op = { .number = number };

    pthread_mutex_init(&op.lock, NULL);
    pthread_cond_init(&op.wake, NULL);
    op.write = (struct opp_write){ .apply = apply, .done = done, .arg = &op, .bytes = 1 };
    assert_int_equal(opp_writer_submit(writer, &op.write), OPP_OK);
    pthread_mutex_lock(&op.lock);
    while (!op.done)
        pthread_cond_wait(&op.wake, &op.lock);
    pthread_mutex_unlock(&op.lock);
    pthread_cond_destroy(&op.wake);
    pthread_mutex_destroy(&op.lock);
    assert_int_equal(op.write.rc, OPP_OK);
}

static void *write_until_the_end(void *arg)
{
    (void)arg;
    for (int number = 1; !atomic_load(&ending); number++) {
        write_one(claims, number);
        write_one(effects, number);
        atomic_store(&written, number);
    }
    return NULL;
}

static struct opp_writer *start_writer(const char *file)
{
    struct opp_writer_settings settings = { .name = file, .queue_max_bytes = 1 << 20, .on_unknown = kit_on_unknown };
    static const char fill[] = "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, filler);"
                               "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000)"
                               "INSERT INTO t SELECT i, 0, zeroblob(3000) FROM c";
    struct opp_writer *writer = NULL;
    struct opp_db *db = kit_open_db(&kit, file);

    assert_int_equal(opp_db_run(db, fill, NULL), OPP_OK);
    assert_int_equal(opp_writer_start(db, &settings, &writer, NULL), OPP_OK);
    return writer;
}

static int set_up(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    kit_make_dir(&copies);
    claims = start_writer("claims.db");
    effects = start_writer("effects.db");
    atomic_store(&ending, false);
    atomic_store(&written, 0);
    return pthread_create(&thread, NULL, write_until_the_end, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    atomic_store(&ending, true);
    pthread_join(thread, NULL);
    opp_writer_stop(claims);
    opp_writer_stop(effects);
    kit_remove_dir(&kit);
    kit_remove_dir(&copies);
    return 0;
}

/* The newest number in a copy, which must be sound. */
static int newest_in(const char *file)
{
    sqlite3_stmt *statement = NULL;
    struct opp_db *db = kit_open_db(&copies, file);
    int newest;

    assert_int_equal(opp_db_check(db, NULL), OPP_OK);
    assert_int_equal(opp_db_prepare(db, "SELECT max(n), count(*) FROM t", &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    newest = sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_column_int(statement, 1), PAGES);
    sqlite3_reset(statement);
    opp_db_close(db);
    return newest;
}

static struct opp_backup *new_backup(const char *dir, const atomic_bool *cancel)
{
    struct opp_backup *backup = NULL;

    assert_int_equal(opp_backup_new(dir, cancel, &backup, NULL), OPP_OK);
    assert_int_equal(opp_backup_add(backup, "effects.db", effects, NULL), OPP_OK);
    assert_int_equal(opp_backup_add(backup, "claims.db", claims, NULL), OPP_OK);
    return backup;
}

/* The effect of the newest claim may be on its way, and no other. */
static void the_copies_are_of_one_moment(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct opp_backup *backup = new_backup(copies.dir, NULL);
        int before = atomic_load(&written), claimed, done_then;

        assert_int_equal(opp_backup_run(backup, NULL), OPP_OK);
        assert_string_equal(opp_backup_files(backup)[0], "effects.db");
        assert_string_equal(opp_backup_files(backup)[1], "claims.db");
        assert_null(opp_backup_files(backup)[2]);
        opp_backup_free(backup);
        claimed = newest_in("claims.db");
        done_then = newest_in("effects.db");
        assert_true(done_then == claimed || done_then == claimed - 1);
        assert_true(done_then >= before);
        kit_remove_dir(&copies);
        kit_make_dir(&copies);
    }
}

static void writing_goes_on_after_a_backup_that_cannot_be_made(void **state)
{
    struct opp_backup *backup = new_backup("/nowhere/at/all", NULL);
    struct opp_err err = { 0 };
    int before;

    (void)state;
    assert_int_equal(opp_backup_run(backup, &err), OPP_E_UNAVAILABLE);
    assert_non_null(strstr(err.message, "effects.db"));
    opp_backup_free(backup);
    before = atomic_load(&written);
    while (atomic_load(&written) < before + 3)
        sched_yield();
}

/* The second database's copy fails when the first's is nearly whole. */
static void writing_goes_on_after_a_backup_that_fails_half_way(void **state)
{
    struct opp_backup *backup = new_backup(copies.dir, NULL);
    char path[KIT_PATH_MAX];
    int before;

    (void)state;
    kit_path(&copies, "claims.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(opp_backup_run(backup, NULL), OPP_E_UNAVAILABLE);
    opp_backup_free(backup);
    assert_int_equal(rmdir(path), 0);
    before = atomic_load(&written);
    while (atomic_load(&written) < before + 3)
        sched_yield();
}

static void a_backup_can_be_canceled(void **state)
{
    atomic_bool cancel = true;
    struct opp_backup *backup = new_backup(copies.dir, &cancel);

    (void)state;
    assert_int_equal(opp_backup_run(backup, NULL), OPP_E_UNAVAILABLE);
    opp_backup_free(backup);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_copies_are_of_one_moment),
        TEST(writing_goes_on_after_a_backup_that_cannot_be_made),
        TEST(writing_goes_on_after_a_backup_that_fails_half_way),
        TEST(a_backup_can_be_canceled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
