/* SPDX-License-Identifier: MIT */
#include "store/writer_kit.h"

#include "store/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <sqlite3.h>
#include <time.h>

struct bench bench;

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

void bench_start(size_t queue_max_bytes, size_t lazy_max_bytes)
{
    struct opp_writer_settings settings = { .name = "one",
                                            .hooks = { on_save, on_restore, on_commit, &bench.ledger },
                                            .queue_max_bytes = queue_max_bytes,
                                            .lazy_max_bytes = lazy_max_bytes,
                                            .on_unknown = kit_on_unknown };
    struct opp_db *db = kit_open_db(&bench.kit, "one.db");

    bench.ledger = (struct ledger){ 0 };
    assert_int_equal(opp_db_run(db,
                                "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY);"
                                "CREATE TABLE IF NOT EXISTS pieces(b);"
                                "CREATE TABLE IF NOT EXISTS child(n REFERENCES t(n) DEFERRABLE INITIALLY DEFERRED)",
                                NULL),
                     OPP_OK);
    assert_int_equal(opp_writer_start(db, &settings, &bench.writer, NULL), OPP_OK);
}

int bench_set_up(void **state)
{
    (void)state;
    kit_make_dir(&bench.kit);
    kit_path(&bench.kit, "one.db", bench.path);
    bench_start(64 << 20, 64 << 20);
    return 0;
}

int bench_tear_down(void **state)
{
    (void)state;
    opp_writer_stop(bench.writer);
    bench.writer = NULL;
    kit_remove_dir(&bench.kit);
    return 0;
}

int64_t bench_number(const char *sql)
{
    struct opp_db *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t value;

    assert_int_equal(opp_db_open(bench.path, OPP_DB_READER, &db, NULL), OPP_OK);
    assert_int_equal(opp_db_prepare(db, sql, &statement, NULL), OPP_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    opp_db_close(db);
    return value;
}

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
    enum opp_code rc = op->sql != NULL ? opp_db_run(db, op->sql, err) : insert(db, op->number);

    if (rc != OPP_OK)
        return opp_fail(err, rc, "cannot insert");
    bench.ledger.now += op->number;
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

enum opp_code op_submit_on(struct op *op, int64_t value, struct opp_loop *loop)
{
    op->number = value;
    if (op->write.apply == NULL)
        op->write.apply = apply;
    op->write.done = done;
    op->write.arg = op;
    op->write.loop = loop;
    if (op->write.bytes == 0)
        op->write.bytes = 100;
    return opp_writer_submit(bench.writer, &op->write);
}

enum opp_code op_submit(struct op *op, int64_t value)
{
    return op_submit_on(op, value, NULL);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

enum opp_code op_wait(struct op *op)
{
    for (int i = 0; i < 60000 && atomic_load(&op->done) == 0; i++)
        pause_ms(1);
    assert_int_equal(atomic_load(&op->done), 1);
    return op->write.rc;
}

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

void gate_close(struct gate *gate)
{
    *gate = (struct gate){ .op.write = { .apply = pass_gate, .done = pass_done, .arg = gate, .bytes = 1 } };
    pthread_mutex_init(&gate->lock, NULL);
    pthread_mutex_lock(&gate->lock);
    assert_int_equal(opp_writer_submit(bench.writer, &gate->op.write), OPP_OK);
    while (!atomic_load(&gate->entered))
        pause_ms(1);
}

void gate_open(struct gate *gate)
{
    pthread_mutex_unlock(&gate->lock);
    assert_int_equal(op_wait(&gate->op), OPP_OK);
    pthread_mutex_destroy(&gate->lock);
}
