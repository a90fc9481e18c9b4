/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "base/clock.h"
#include "store/db.h"
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
#include <stdlib.h>
#include <time.h>

#define THREADS 8
#define OPS_EACH 200

/* What the hooks keep beside the database: the sum of what was inserted. */
struct ledger {
    long now, saved, committed;
    int commits;
};

static struct kit kit;
static char path[KIT_PATH_MAX];
static struct opp_writer *writer;
static struct ledger ledger;

static void on_save(void *arg)
{
    struct ledger *kept = arg;

    kept->saved = kept->now;
}

static void on_restore(void *arg)
{
    struct ledger *kept = arg;

    kept->now = kept->saved;
}

static void on_commit(void *arg, bool committed)
{
    struct ledger *kept = arg;

    if (committed)
        kept->committed = kept->now;
    else
        kept->now = kept->committed;
    kept->commits++;
}

static void start(size_t queue_max_bytes, size_t lazy_max_bytes)
{
    struct opp_writer_settings settings = { .name = "one",
                                            .hooks = { on_save, on_restore, on_commit, &ledger },
                                            .queue_max_bytes = queue_max_bytes,
                                            .lazy_max_bytes = lazy_max_bytes,
                                            .on_unknown = kit_on_unknown };
    struct opp_db *db = NULL;

    ledger = (struct ledger){ 0 };
    assert_int_equal(opp_db_open(path, OPP_DB_WRITER, &db, NULL), OPP_OK);
    assert_int_equal(opp_db_run(db,
                                "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY);"
                                "CREATE TABLE IF NOT EXISTS child(n REFERENCES t(n) DEFERRABLE INITIALLY DEFERRED)",
                                NULL),
                     OPP_OK);
    assert_int_equal(opp_writer_start(db, &settings, &writer, NULL), OPP_OK);
}

static int set_up(void **state)
{
    (void)state;
    kit_make_dir(&kit);
    kit_path(&kit, "one.db", path);
    start(64 << 20, 64 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    opp_writer_stop(writer);
    writer = NULL;
    kit_remove_dir(&kit);
    return 0;
}

static int64_t number(const char *sql)
{
    struct opp_db *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t value;

    assert_int_equal(opp_db_open(path, OPP_DB_READER, &db, NULL), OPP_OK);
    assert_int_equal(opp_db_prepare(db, sql, &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    opp_db_close(db);
    return value;
}

/* One insertion of a number, which then succeeds or fails as told; the thread that asked waits for it or not. */
struct op {
    struct opp_write write;
    int64_t number;
    bool fails, throws_all_away, orphans;
    atomic_int done;
};

static enum opp_code insert(struct opp_db *db, int64_t value)
{
    sqlite3_stmt *statement = NULL;
    int result;

    assert_int_equal(opp_db_prepare(db, "INSERT INTO t VALUES(?1)", &statement, NULL), OPP_OK);
    sqlite3_bind_int64(statement, 1, value);
    result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? OPP_OK : opp_db_error(db, result, NULL);
}

static enum opp_code apply(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct op *op = arg;
    enum opp_code rc = insert(db, op->number);

    if (rc != OPP_OK)
        return opp_fail(err, rc, "cannot insert");
    ledger.now += op->number;
    if (op->orphans)
        return opp_db_run(db, "INSERT INTO child VALUES(-1)", err);
    if (op->throws_all_away)
        opp_db_run(db, "ROLLBACK", NULL);
    return op->fails ? opp_fail(err, OPP_E_PRECONDITION, "told to fail") : OPP_OK;
}

static void done(void *arg)
{
    struct op *op = arg;

    atomic_fetch_add(&op->done, 1);
}

static enum opp_code submit(struct op *op, int64_t value)
{
    op->number = value;
    op->write.apply = apply;
    op->write.done = done;
    op->write.arg = op;
    if (op->write.bytes == 0)
        op->write.bytes = 100;
    return opp_writer_submit(writer, &op->write);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

static enum opp_code wait_for(struct op *op)
{
    for (int i = 0; i < 20000 && atomic_load(&op->done) == 0; i++)
        pause_ms(1);
    assert_int_equal(atomic_load(&op->done), 1);
    return op->write.rc;
}

/* An operation that holds the writer until it is let go, so that what is submitted meanwhile is one batch. */
struct gate {
    struct op op;
    pthread_mutex_t lock;
    atomic_bool entered;
};

static enum opp_code pass_gate(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct gate *gate = arg;

    (void)db, (void)err;
    atomic_store(&gate->entered, true);
    pthread_mutex_lock(&gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return OPP_OK;
}

static void pass_done(void *arg)
{
    struct gate *gate = arg;

    atomic_store(&gate->op.done, 1);
}

static void close_gate(struct gate *gate)
{
    *gate = (struct gate){ .op.write = { .apply = pass_gate, .done = pass_done, .arg = gate, .bytes = 1 } };
    pthread_mutex_init(&gate->lock, NULL);
    pthread_mutex_lock(&gate->lock);
    assert_int_equal(opp_writer_submit(writer, &gate->op.write), OPP_OK);
    while (!atomic_load(&gate->entered))
        pause_ms(1);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_unlock(&gate->lock);
    assert_int_equal(wait_for(&gate->op), OPP_OK);
    pthread_mutex_destroy(&gate->lock);
}

static void an_operation_is_durable_when_it_is_done(void **state)
{
    struct op op = { 0 };

    (void)state;
    assert_int_equal(submit(&op, 5), OPP_OK);
    assert_int_equal(wait_for(&op), OPP_OK);
    assert_int_equal(number("SELECT n FROM t"), 5);
    assert_true(opp_writer_healthy(writer));
}

static void what_waits_together_is_committed_together(void **state)
{
    struct op ops[40] = { 0 };
    struct gate gate;

    (void)state;
    close_gate(&gate);
    for (int i = 0; i < 40; i++)
        assert_int_equal(submit(&ops[i], i + 1), OPP_OK);
    open_gate(&gate);
    for (int i = 0; i < 40; i++)
        assert_int_equal(wait_for(&ops[i]), OPP_OK);
    assert_int_equal(number("SELECT count(*) FROM t"), 40);
    assert_int_equal(ledger.commits, 2);
    assert_int_equal(ledger.committed, 40 * 41 / 2);
}

static void what_fails_is_undone_alone(void **state)
{
    struct op ops[60] = { 0 };
    struct gate gate;
    long expected = 0;

    (void)state;
    close_gate(&gate);
    for (int i = 0; i < 60; i++) {
        ops[i].fails = i % 3 == 1;
        expected += ops[i].fails ? 0 : i;
        assert_int_equal(submit(&ops[i], i), OPP_OK);
    }
    open_gate(&gate);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(wait_for(&ops[i]), i % 3 == 1 ? OPP_E_PRECONDITION : OPP_OK);
        if (i % 3 == 1)
            assert_string_equal(ops[i].write.err.message, "told to fail");
    }
    assert_int_equal(number("SELECT count(*) FROM t"), 40);
    assert_int_equal(number("SELECT sum(n) FROM t"), expected);
    assert_int_equal(ledger.committed, expected);
}

static void a_constraint_fails_its_own_operation(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    close_gate(&gate);
    assert_int_equal(submit(&ops[0], 1), OPP_OK);
    assert_int_equal(submit(&ops[1], 1), OPP_OK);
    assert_int_equal(submit(&ops[2], 2), OPP_OK);
    open_gate(&gate);
    assert_int_equal(wait_for(&ops[0]), OPP_OK);
    assert_int_equal(wait_for(&ops[1]), OPP_E_EXISTS);
    assert_int_equal(wait_for(&ops[2]), OPP_OK);
    assert_int_equal(ledger.committed, 3);
}

/* Otherwise the commit would fail, and with it what shares it. */
static void a_deferred_constraint_fails_its_own_operation_too(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    ops[1].orphans = true;
    close_gate(&gate);
    for (int i = 0; i < 3; i++)
        assert_int_equal(submit(&ops[i], i + 1), OPP_OK);
    open_gate(&gate);
    assert_int_equal(wait_for(&ops[0]), OPP_OK);
    assert_int_equal(wait_for(&ops[1]), OPP_E_EXISTS);
    assert_int_equal(wait_for(&ops[2]), OPP_OK);
    assert_int_equal(number("SELECT sum(n) FROM t"), 4);
    assert_int_equal(ledger.committed, 4);
}

static void when_sqlite_undoes_all_nothing_of_the_batch_is_acknowledged(void **state)
{
    struct op ops[4] = { 0 }, after = { 0 };
    struct gate gate;

    (void)state;
    ops[2].throws_all_away = true;
    close_gate(&gate);
    for (int i = 0; i < 4; i++)
        assert_int_equal(submit(&ops[i], i + 1), OPP_OK);
    open_gate(&gate);
    for (int i = 0; i < 4; i++)
        assert_int_equal(wait_for(&ops[i]), OPP_E_UNAVAILABLE);
    assert_int_equal(number("SELECT count(*) FROM t"), 0);
    assert_false(opp_writer_healthy(writer));
    assert_int_equal(submit(&after, 9), OPP_OK);
    assert_int_equal(wait_for(&after), OPP_OK);
    assert_true(opp_writer_healthy(writer));
    assert_int_equal(ledger.committed, 9);
}

static void what_is_checked_is_refused_alone(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    close_gate(&gate);
    for (int i = 0; i < 3; i++) {
        ops[i].write.checked = true;
        assert_int_equal(submit(&ops[i], i < 2 ? 1 : 2), OPP_OK);
    }
    open_gate(&gate);
    assert_int_equal(wait_for(&ops[0]), OPP_OK);
    assert_int_equal(wait_for(&ops[1]), OPP_E_EXISTS); /* nothing was changed when it failed */
    assert_int_equal(wait_for(&ops[2]), OPP_OK);
    assert_int_equal(number("SELECT sum(n) FROM t"), 3);
    assert_int_equal(ledger.committed, 3);
}

static void what_is_checked_and_fails_after_a_change_undoes_the_batch(void **state)
{
    struct op ops[3] = { 0 };
    struct gate gate;

    (void)state;
    ops[1].fails = true;
    close_gate(&gate);
    for (int i = 0; i < 3; i++) {
        ops[i].write.checked = true;
        assert_int_equal(submit(&ops[i], i + 1), OPP_OK);
    }
    open_gate(&gate);
    for (int i = 0; i < 3; i++)
        assert_int_equal(wait_for(&ops[i]), OPP_E_UNAVAILABLE);
    assert_int_equal(number("SELECT count(*) FROM t"), 0);
    assert_int_equal(ledger.committed, 0);
}

static void a_full_queue_takes_nothing_and_calls_nobody(void **state)
{
    struct op ops[11] = { 0 }, lazy = { .write = { .lazy = true, .bytes = 300 } };
    struct gate gate;

    (void)state;
    opp_writer_stop(writer);
    start(1000, 250);
    close_gate(&gate);
    assert_int_equal(submit(&lazy, 100), OPP_E_UNAVAILABLE);
    for (int i = 0; i < 10; i++)
        assert_int_equal(submit(&ops[i], i), OPP_OK);
    assert_int_equal(submit(&ops[10], 10), OPP_E_UNAVAILABLE);
    open_gate(&gate);
    for (int i = 0; i < 10; i++)
        assert_int_equal(wait_for(&ops[i]), OPP_OK);
    assert_int_equal(number("SELECT count(*) FROM t"), 10);
    assert_int_equal(atomic_load(&ops[10].done), 0);
    assert_int_equal(atomic_load(&lazy.done), 0);
    assert_int_equal(submit(&ops[10], 10), OPP_OK);
    assert_int_equal(wait_for(&ops[10]), OPP_OK);
}

static void lazy_operations_come_to_the_disk_by_themselves(void **state)
{
    struct op ops[5] = { 0 };

    (void)state;
    for (int i = 0; i < 5; i++) {
        ops[i].write.lazy = true;
        assert_int_equal(submit(&ops[i], i + 1), OPP_OK);
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(wait_for(&ops[i]), OPP_OK);
    assert_int_equal(number("SELECT sum(n) FROM t"), 15);
}

static void lazy_operations_keep_their_place_before_an_urgent_one(void **state)
{
    struct op lazy = { .write = { .lazy = true } }, urgent = { 0 };

    (void)state;
    assert_int_equal(submit(&lazy, 1), OPP_OK);
    assert_int_equal(submit(&urgent, 1), OPP_OK);
    assert_int_equal(wait_for(&urgent), OPP_E_EXISTS);
    assert_int_equal(wait_for(&lazy), OPP_OK);
}

static void stopping_commits_what_is_queued(void **state)
{
    struct op *ops = calloc(300, sizeof *ops);

    (void)state;
    assert_non_null(ops);
    for (int i = 0; i < 300; i++) {
        ops[i].write.lazy = i % 2 == 0;
        assert_int_equal(submit(&ops[i], i), OPP_OK);
    }
    opp_writer_stop(writer);
    writer = NULL;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(atomic_load(&ops[i].done), 1);
        assert_int_equal(ops[i].write.rc, OPP_OK);
    }
    assert_int_equal(number("SELECT count(*) FROM t"), 300);
    free(ops);
}

struct client {
    pthread_t thread;
    int index;
    long sum, wrong;
    struct op ops[OPS_EACH];
};

static void *be_client(void *arg)
{
    struct client *client = arg;

    for (int i = 0; i < OPS_EACH; i++) {
        struct op *op = &client->ops[i];

        op->fails = (i + client->index) % 5 == 0;
        op->write.lazy = i % 7 == 0 && !op->fails; /* what is lazy and fails is tried again */
        if (submit(op, client->index * OPS_EACH + i) != OPP_OK)
            client->wrong++;
    }
    for (int i = 0; i < OPS_EACH; i++) {
        struct op *op = &client->ops[i];

        while (atomic_load(&op->done) == 0)
            pause_ms(1);
        if (op->write.rc != (op->fails ? OPP_E_PRECONDITION : OPP_OK))
            client->wrong++;
        client->sum += op->fails ? 0 : op->number;
    }
    return NULL;
}

static void many_threads_each_learn_their_own_outcome(void **state)
{
    struct client *clients = calloc(THREADS, sizeof *clients);
    long sum = 0;

    (void)state;
    assert_non_null(clients);
    for (int i = 0; i < THREADS; i++) {
        clients[i].index = i;
        assert_int_equal(pthread_create(&clients[i].thread, NULL, be_client, &clients[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].wrong, 0);
        sum += clients[i].sum;
    }
    assert_int_equal(number("SELECT sum(n) FROM t"), sum);
    opp_writer_stop(writer);
    writer = NULL;
    assert_int_equal(ledger.committed, sum);
    assert_true(ledger.commits < THREADS * OPS_EACH);
    free(clients);
}

static void stop_loop(void *arg)
{
    opp_loop_stop(arg);
}

static void completions_come_back_on_their_loop(void **state)
{
    struct op op = { .number = 4 };
    struct opp_loop *loop = NULL;

    (void)state;
    assert_int_equal(opp_loop_new(&loop, NULL), OPP_OK);
    op.write = (struct opp_write){ .apply = apply, .done = done, .arg = &op, .loop = loop, .bytes = 1 };
    assert_int_equal(opp_writer_submit(writer, &op.write), OPP_OK);
    assert_non_null(opp_timer_start(loop, 300, stop_loop, loop));
    assert_int_equal(opp_loop_run(loop, NULL), OPP_OK);
    assert_int_equal(atomic_load(&op.done), 1);
    assert_int_equal(op.write.rc, OPP_OK);
    opp_loop_free(loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_operation_is_durable_when_it_is_done),
        TEST(what_waits_together_is_committed_together),
        TEST(what_fails_is_undone_alone),
        TEST(a_constraint_fails_its_own_operation),
        TEST(a_deferred_constraint_fails_its_own_operation_too),
        TEST(when_sqlite_undoes_all_nothing_of_the_batch_is_acknowledged),
        TEST(what_is_checked_is_refused_alone),
        TEST(what_is_checked_and_fails_after_a_change_undoes_the_batch),
        TEST(a_full_queue_takes_nothing_and_calls_nobody),
        TEST(lazy_operations_come_to_the_disk_by_themselves),
        TEST(lazy_operations_keep_their_place_before_an_urgent_one),
        TEST(stopping_commits_what_is_queued),
        TEST(many_threads_each_learn_their_own_outcome),
        TEST(completions_come_back_on_their_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
