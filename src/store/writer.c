/* SPDX-License-Identifier: MIT */
#include "store/writer.h"

#include "base/clock.h"
#include "store/apply.h"
#include "store/db.h"
#include "store/wal_bound.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH_MAX 256
#define LINGER_MS 20
#define RETRY_MS 100 /* between two tries of what nobody waits for */
#define LINGER_BYTES (256 * 1024)
#define STACK_BYTES (1024 * 1024)

struct opp_writer {
    struct opp_db *db;
    struct opp_writer_settings settings;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the queue */
    pthread_cond_t wake;
    struct opp_write *first;
    struct opp_write **last;
    size_t queued, queued_bytes;
    size_t lazy_bytes;
    size_t urgent;       /* queued operations that somebody waits for */
    bool stopping, kept; /* kept: lazy operations failed and wait for another try */
    atomic_bool healthy;
    struct opp_wal_bound log; /* the writer's thread only */
    struct opp_meter *meter;
    size_t queue, queue_bytes;                  /* cells, with the lock held */
    size_t operations, commit_seconds, is_well; /* cells, on the writer's thread */
};

static void hook(void (*fn)(void *), void *arg)
{
    if (fn != NULL)
        fn(arg);
}

static void deadline_after(struct timespec *at, long ms)
{
    clock_gettime(CLOCK_MONOTONIC, at);
    at->tv_nsec += ms * 1000000L;
    at->tv_sec += at->tv_nsec / 1000000000L;
    at->tv_nsec %= 1000000000L;
}

/* Waits until there is something worth a commit. With the lock held. */
static void wait_for_work(struct opp_writer *writer)
{
    struct timespec until;

    while (writer->first == NULL && !writer->stopping)
        pthread_cond_wait(&writer->wake, &writer->lock);
    deadline_after(&until, writer->kept ? RETRY_MS : LINGER_MS);
    while (writer->urgent == 0 && (writer->kept || writer->lazy_bytes < LINGER_BYTES) && !writer->stopping)
        if (pthread_cond_timedwait(&writer->wake, &writer->lock, &until) != 0)
            break;
    writer->kept = false;
}

/* Whether the operation shares a transaction with those that were taken before it. */
static bool joins(const struct opp_write *batch, const struct opp_write *next)
{
    return batch == next || (!batch->aside && !next->aside);
}

/* Gives the next operations, or NULL when the writer is to end. */
static struct opp_write *take_batch(struct opp_writer *writer)
{
    struct opp_write *batch;
    struct opp_write **end = &batch;

    pthread_mutex_lock(&writer->lock);
    wait_for_work(writer);
    batch = writer->first;
    for (size_t n = 0; *end != NULL && n < BATCH_MAX && joins(batch, *end); n++) {
        writer->queued--;
        writer->queued_bytes -= (*end)->bytes;
        if ((*end)->lazy)
            writer->lazy_bytes -= (*end)->bytes;
        else
            writer->urgent--;
        opp_meter_subtract(writer->meter, writer->queue, 1);
        end = &(*end)->next;
    }
    opp_meter_set(writer->meter, writer->queue_bytes, writer->queued_bytes);
    writer->first = *end;
    if (writer->first == NULL)
        writer->last = &writer->first;
    *end = NULL;
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

/* Runs one operation. Gives false when the batch is or must be undone with it. */
static bool apply_one(struct opp_writer *writer, struct opp_write *write)
{
    const struct opp_writer_hooks *hooks = &writer->settings.hooks;
    bool goes_on;

    hook(hooks->save, hooks->arg);
    goes_on = opp_apply(writer->db, write);
    if (write->rc != OPP_OK)
        hook(hooks->restore, hooks->arg);
    return goes_on;
}

/* A commit of no change touches no disk and says nothing of it. When the last one failed, the next is to change
 * something: the number of the schema, to what it is. */
static enum opp_code touch(struct opp_writer *writer, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    char set_version[64];
    enum opp_code rc = opp_db_prepare(writer->db, "PRAGMA user_version", &statement, err);
    int result;

    if (rc != OPP_OK)
        return rc;
    result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        rc = opp_db_error(writer->db, result, err);
    else
        snprintf(set_version, sizeof set_version, "PRAGMA user_version=%d", sqlite3_column_int(statement, 0));
    sqlite3_reset(statement);
    return rc == OPP_OK ? opp_db_run(writer->db, set_version, err) : rc;
}

static enum opp_code apply_all(struct opp_writer *writer, struct opp_write *batch, struct opp_err *err)
{
    enum opp_code rc = opp_wal_bound_keep(&writer->log, err);

    if (rc == OPP_OK && opp_db_in_transaction(writer->db))
        rc = opp_db_step(writer->db, "ROLLBACK", err); /* what could not be undone when it failed */
    if (rc == OPP_OK)
        rc = opp_db_step(writer->db, "BEGIN IMMEDIATE", err);
    if (rc == OPP_OK && !atomic_load(&writer->healthy))
        rc = touch(writer, err);
    if (rc != OPP_OK)
        return rc;
    for (struct opp_write *write = batch; write != NULL; write = write->next)
        if (!apply_one(writer, write))
            return opp_fail(err, OPP_E_UNAVAILABLE, "the whole transaction was undone");
    return OPP_OK;
}

/* SQLITE_FULL means that the commit did not happen; after any other failure it may have. */
static enum opp_code commit(struct opp_writer *writer, struct opp_err *err)
{
    sqlite3_stmt *statement = NULL;
    enum opp_code rc = opp_db_prepare(writer->db, "COMMIT", &statement, err);
    int64_t began_ns = opp_monotonic_ns();
    int result;

    if (rc != OPP_OK)
        return rc; /* not even tried */
    result = sqlite3_step(statement);
    opp_meter_time(writer->meter, writer->commit_seconds, opp_monotonic_ns() - began_ns);
    sqlite3_reset(statement);
    if (result == SQLITE_DONE)
        return OPP_OK;
    opp_db_error(writer->db, result, err);
    if ((result & 0xff) != SQLITE_FULL)
        writer->settings.on_unknown(writer->settings.name, sqlite3_errmsg(opp_db_handle(writer->db)));
    return opp_fail(err, OPP_E_UNAVAILABLE, "the disk is full");
}

static void fail_all(struct opp_write *batch, const struct opp_err *err)
{
    for (struct opp_write *write = batch; write != NULL; write = write->next) {
        write->rc = OPP_E_UNAVAILABLE;
        write->err = *err;
    }
}

static void report(struct opp_writer *writer, enum opp_code rc, const struct opp_err *err)
{
    bool healthy = rc == OPP_OK;

    opp_meter_set(writer->meter, writer->is_well, healthy);
    if (atomic_exchange(&writer->healthy, healthy) == healthy)
        return;
    opp_log_event(writer->settings.log, healthy ? OPP_LOG_INFO : OPP_LOG_ERROR,
                  healthy ? "store.recovered" : "store.unavailable", "database", writer->settings.name, "reason",
                  healthy ? NULL : err->message, NULL);
}

static void complete(struct opp_writer *writer, struct opp_write *batch)
{
    for (struct opp_write *next; batch != NULL; batch = next) {
        next = batch->next;
        opp_meter_add(writer->meter, writer->operations, 1);
        batch->post = (struct opp_post){ .run = batch->done, .arg = batch->arg };
        if (batch->loop != NULL)
            opp_loop_post(batch->loop, &batch->post);
        else
            batch->done(batch->arg);
    }
}

/* With the lock held. */
static void enqueue(struct opp_writer *writer, struct opp_write *write)
{
    write->next = NULL;
    *writer->last = write;
    writer->last = &write->next;
    writer->queued++;
    writer->queued_bytes += write->bytes;
    if (write->lazy)
        writer->lazy_bytes += write->bytes;
    writer->urgent += write->lazy ? 0 : 1;
    opp_meter_add(writer->meter, writer->queue, 1);
    opp_meter_set(writer->meter, writer->queue_bytes, writer->queued_bytes);
}

/* Nobody waits for what is lazy, and somebody relies on it: it is tried again, behind those that are waited for. */
static void keep_lazy(struct opp_writer *writer, struct opp_write **batch)
{
    pthread_mutex_lock(&writer->lock);
    while (*batch != NULL && !writer->stopping) {
        struct opp_write *write = *batch;

        if (write->rc != OPP_OK && write->lazy) {
            *batch = write->next;
            write->err = (struct opp_err){ 0 };
            enqueue(writer, write);
            writer->kept = true;
        } else {
            batch = &write->next;
        }
    }
    pthread_mutex_unlock(&writer->lock);
}

static void run_batch(struct opp_writer *writer, struct opp_write *batch)
{
    const struct opp_writer_hooks *hooks = &writer->settings.hooks;
    struct opp_err err = { 0 };
    enum opp_code rc = apply_all(writer, batch, &err);

    if (rc == OPP_OK)
        rc = commit(writer, &err);
    if (rc != OPP_OK) {
        if (opp_db_in_transaction(writer->db))
            opp_db_step(writer->db, "ROLLBACK", NULL); /* or before the next batch */
        fail_all(batch, &err);
    }
    if (hooks->commit != NULL)
        hooks->commit(hooks->arg, rc == OPP_OK);
    report(writer, rc, &err);
    keep_lazy(writer, &batch);
    complete(writer, batch);
}

static void run_aside(struct opp_writer *writer, struct opp_write *write)
{
    write->rc = write->apply(writer->db, write->arg, &write->err);
    complete(writer, write);
}

static void *run(void *arg)
{
    struct opp_writer *writer = arg;
    struct opp_write *batch;

    while ((batch = take_batch(writer)) != NULL) {
        if (batch->aside)
            run_aside(writer, batch);
        else
            run_batch(writer, batch);
    }
    return NULL;
}

static enum opp_code start_counting(struct opp_writer *writer, struct opp_err *err)
{
    const struct {
        enum opp_metric metric;
        size_t *cell;
    } cells[] = { { OPP_M_QUEUE, &writer->queue },
                  { OPP_M_QUEUE_BYTES, &writer->queue_bytes },
                  { OPP_M_OPERATIONS, &writer->operations },
                  { OPP_M_COMMIT_SECONDS, &writer->commit_seconds },
                  { OPP_M_HEALTHY, &writer->is_well } };
    struct opp_metrics *metrics = writer->settings.metrics;
    enum opp_code rc = OPP_OK;
    char labels[160];

    if (metrics == NULL)
        return OPP_OK;
    snprintf(labels, sizeof labels, "database=\"%.128s\"", writer->settings.name);
    for (size_t i = 0; rc == OPP_OK && i < sizeof cells / sizeof cells[0]; i++)
        rc = opp_metrics_add(metrics, &(struct opp_series){ .metric = cells[i].metric, .labels = labels },
                             cells[i].cell, err);
    if (rc == OPP_OK)
        writer->meter = opp_meter_new(metrics);
    opp_meter_set(writer->meter, writer->is_well, 1);
    return rc == OPP_OK && writer->meter == NULL ? opp_fail(err, OPP_E_MEMORY, "no memory for metrics") : rc;
}

static int start_thread(struct opp_writer *writer)
{
    pthread_attr_t attributes;
    pthread_condattr_t monotonic;
    int failed;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    failed = pthread_create(&writer->thread, &attributes, run, writer);
    pthread_attr_destroy(&attributes);
    return failed;
}

enum opp_code opp_writer_start(struct opp_db *db, const struct opp_writer_settings *settings, struct opp_writer **out,
                               struct opp_err *err)
{
    struct opp_writer *writer = calloc(1, sizeof *writer);

    if (writer == NULL) {
        opp_db_close(db);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a writer");
    }
    writer->db = db;
    writer->settings = *settings;
    writer->last = &writer->first;
    atomic_init(&writer->healthy, true);
    opp_wal_bound_start(&writer->log, db, OPP_WRITER_LOG_MAX);
    if (start_counting(writer, err) != OPP_OK) {
        opp_db_close(db);
        free(writer);
        return OPP_E_MEMORY;
    }
    if (start_thread(writer) != 0) {
        opp_db_close(db);
        free(writer);
        return opp_fail(err, OPP_E_IO, "cannot start the writer of %s", settings->name);
    }
    *out = writer;
    return OPP_OK;
}

void opp_writer_end(struct opp_writer *writer)
{
    bool ended;

    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->lock);
    ended = writer->stopping;
    writer->stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    if (!ended)
        pthread_join(writer->thread, NULL);
}

void opp_writer_stop(struct opp_writer *writer)
{
    if (writer == NULL)
        return;
    opp_writer_end(writer);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    opp_db_close(writer->db);
    free(writer);
}

static bool has_room(const struct opp_writer *writer, const struct opp_write *write)
{
    if (write->aside)
        return true;
    if (writer->queued >= OPP_WRITER_QUEUE_MAX)
        return false;
    if (write->lazy && writer->lazy_bytes + write->bytes > writer->settings.lazy_max_bytes)
        return false;
    return writer->queued_bytes + write->bytes <= writer->settings.queue_max_bytes;
}

enum opp_code opp_writer_submit(struct opp_writer *writer, struct opp_write *write)
{
    bool wake, room;

    write->rc = OPP_OK;
    write->err = (struct opp_err){ 0 };
    pthread_mutex_lock(&writer->lock);
    room = has_room(writer, write) && !writer->stopping;
    wake = room && (writer->first == NULL || (!write->lazy && writer->urgent == 0) ||
                    writer->lazy_bytes + write->bytes >= LINGER_BYTES);
    if (room)
        enqueue(writer, write);
    if (wake)
        pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    return room ? OPP_OK : OPP_E_UNAVAILABLE;
}

/* An operation whose submitter waits for it. */
struct now {
    struct opp_write write;
    enum opp_code (*apply)(struct opp_db *db, void *arg, struct opp_err *err);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
};

static enum opp_code apply_now(struct opp_db *db, void *arg, struct opp_err *err)
{
    const struct now *now = arg;

    return now->apply(db, now->arg, err);
}

static void wake_now(void *arg)
{
    struct now *now = arg;

    pthread_mutex_lock(&now->lock);
    now->done = true;
    pthread_cond_signal(&now->wake);
    pthread_mutex_unlock(&now->lock);
}

static void wait_now(struct now *now)
{
    pthread_mutex_lock(&now->lock);
    while (!now->done)
        pthread_cond_wait(&now->wake, &now->lock);
    pthread_mutex_unlock(&now->lock);
}

enum opp_code opp_writer_now(struct opp_writer *writer,
                             enum opp_code (*apply)(struct opp_db *db, void *arg, struct opp_err *err), void *arg,
                             struct opp_err *err)
{
    struct now now = { .write = { .apply = apply_now, .done = wake_now }, .apply = apply, .arg = arg };
    enum opp_code rc;

    now.write.arg = &now;
    pthread_mutex_init(&now.lock, NULL);
    pthread_cond_init(&now.wake, NULL);
    rc = opp_writer_submit(writer, &now.write);
    if (rc == OPP_OK) {
        wait_now(&now);
        rc = now.write.rc;
        if (rc != OPP_OK)
            opp_fail_at(err, rc, now.write.err.where, "%s", now.write.err.message);
    } else {
        opp_fail(err, rc, "the write queue is full");
    }
    pthread_cond_destroy(&now.wake);
    pthread_mutex_destroy(&now.lock);
    return rc;
}

bool opp_writer_healthy(const struct opp_writer *writer)
{
    return atomic_load(&writer->healthy);
}
