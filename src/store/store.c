/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "base/crash.h"
#include "store/backup.h"
#include "store/db.h"
#include "store/migrate.h"
#include "store/migrations.h"
#include "store/tx_internal.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_MAX_MS 5000
#define UNHURRIED_MS INT64_C(86400000) /* where nobody waits for the reader */

struct opp_store {
    struct opp_writer *writer;
    struct opp_clock *clock;
    char path[PATH_MAX];
    int64_t read_max_ms;
    void (*on_registry)(void *arg, struct opp_tx *tx, uint64_t version);
    void *on_registry_arg;
    pthread_mutex_t on_commit_lock; /* guards the two below */
    void (*on_commit)(void *arg, const struct opp_chain_head *head);
    void *on_commit_arg;
    /* The writer's thread only: */
    struct opp_tx tx;        /* as this batch has it */
    struct opp_tx saved;     /* before the running operation */
    struct opp_tx committed; /* as the last commit left it */
};

struct opp_session {
    struct opp_store *store;
    struct opp_loop *loop;
    int64_t read_max_ms;
    struct opp_tx tx;
};

static void on_save(void *arg)
{
    struct opp_store *store = arg;

    store->saved = store->tx;
}

static void on_restore(void *arg)
{
    struct opp_store *store = arg;

    store->tx = store->saved;
}

static void on_commit(void *arg, bool committed)
{
    struct opp_store *store = arg;

    if (!committed) {
        store->tx = store->committed;
        return;
    }
    if (store->tx.registry_changed) {
        store->tx.registry_changed = false;
        store->tx.registry_version++;
        opp_crash_point("registry.committed");
        if (store->on_registry != NULL)
            store->on_registry(store->on_registry_arg, &store->tx, store->tx.registry_version);
        opp_crash_point("registry.swapped");
    }
    store->committed = store->tx;
    pthread_mutex_lock(&store->on_commit_lock);
    if (store->on_commit != NULL)
        store->on_commit(store->on_commit_arg, &store->tx.head);
    pthread_mutex_unlock(&store->on_commit_lock);
}

static enum opp_code newest_time(struct opp_store *store, struct opp_err *err);

static enum opp_code start(struct opp_store *store, struct opp_db *db, const struct opp_store_settings *settings,
                           struct opp_err *err)
{
    struct opp_writer_settings writer = {
        .name = "gateway",
        .log = settings->log,
        .metrics = settings->metrics,
        .hooks = { on_save, on_restore, on_commit, store },
        .queue_max_bytes = settings->queue_max_bytes,
        .lazy_max_bytes = settings->lazy_max_bytes,
        .on_unknown = settings->on_unknown,
    };
    enum opp_code rc;

    store->tx.db = db;
    store->tx.registry_version = 1;
    rc = opp_tx_load_chain(&store->tx, err);
    if (rc == OPP_OK)
        rc = newest_time(store, err);
    if (rc != OPP_OK) {
        opp_db_close(db);
        return rc;
    }
    store->committed = store->tx;
    return opp_writer_start(db, &writer, &store->writer, err);
}

static enum opp_code raise_clock(void *arg, void *record, struct opp_err *err)
{
    struct opp_audit_row *row = record;

    (void)err;
    opp_clock_raise(arg, row->created_at);
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

/* Everything of consequence leaves an audit row, so the newest row has the newest time. */
static enum opp_code newest_time(struct opp_store *store, struct opp_err *err)
{
    struct opp_query newest = { .record = &OPP_AUDIT_ROW, .order = "seq", .descending = true, .limit = 1 };

    return opp_tx_each(&store->tx, &newest, raise_clock, store->clock, err);
}

enum opp_code opp_store_open(const struct opp_store_settings *settings, struct opp_store **out, int *fresh,
                             struct opp_err *err)
{
    struct opp_store *store = calloc(1, sizeof *store);
    struct opp_err why = { 0 };
    struct opp_db *db = NULL;
    enum opp_code rc;

    if (store == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the store");
    store->clock = settings->clock;
    pthread_mutex_init(&store->on_commit_lock, NULL);
    store->read_max_ms = settings->read_max_ms != 0 ? settings->read_max_ms : READ_MAX_MS;
    snprintf(store->path, sizeof store->path, "%s/" OPP_STORE_FILE, settings->dir);
    rc = opp_db_open(store->path, OPP_DB_WRITER, &db, err);
    if (rc == OPP_OK)
        rc = opp_migrate(db, store->path, OPP_MIGRATIONS, OPP_MIGRATION_COUNT, fresh, err);
    if (rc == OPP_OK)
        rc = start(store, db, settings, &why);
    else
        opp_db_close(db);
    if (rc != OPP_OK) {
        opp_fail(err, rc, "the database %s: %s", store->path, why.message);
        pthread_mutex_destroy(&store->on_commit_lock);
        free(store);
        return rc;
    }
    *out = store;
    return OPP_OK;
}

void opp_store_end(struct opp_store *store)
{
    if (store != NULL)
        opp_writer_end(store->writer);
}

void opp_store_close(struct opp_store *store)
{
    if (store == NULL)
        return;
    opp_writer_stop(store->writer);
    pthread_mutex_destroy(&store->on_commit_lock);
    free(store);
}

void opp_store_on_registry(struct opp_store *store, void (*fn)(void *arg, struct opp_tx *tx, uint64_t version),
                           void *arg)
{
    store->on_registry = fn;
    store->on_registry_arg = arg;
}

enum opp_code opp_store_backup(struct opp_store *store, struct opp_backup *backup, struct opp_err *err)
{
    return opp_backup_add(backup, OPP_STORE_FILE, store->writer, err);
}

void opp_store_on_commit(struct opp_store *store, void (*fn)(void *arg, const struct opp_chain_head *head), void *arg)
{
    pthread_mutex_lock(&store->on_commit_lock);
    store->on_commit = fn;
    store->on_commit_arg = arg;
    pthread_mutex_unlock(&store->on_commit_lock);
}

bool opp_store_healthy(const struct opp_store *store)
{
    return opp_writer_healthy(store->writer);
}

static enum opp_code apply_op(struct opp_db *db, void *arg, struct opp_err *err)
{
    struct opp_store_op *op = arg;

    (void)db; /* the store's own transaction holds it */
    return op->run(&op->store->tx, op->arg, err);
}

static void finish_op(void *arg)
{
    struct opp_store_op *op = arg;

    op->rc = op->write.rc;
    op->err = op->write.err;
    op->done(op->arg);
}

static enum opp_code submit(struct opp_store *store, struct opp_loop *loop, struct opp_store_op *op, bool lazy)
{
    op->store = store;
    op->write = (struct opp_write){ .apply = apply_op,
                                    .done = finish_op,
                                    .arg = op,
                                    .loop = loop,
                                    .bytes = sizeof *op + op->bytes,
                                    .lazy = lazy,
                                    .checked = lazy || op->checked };
    return opp_writer_submit(store->writer, &op->write);
}

enum opp_code opp_store_now(struct opp_store *store, opp_tx_fn run, void *arg, struct opp_err *err)
{
    struct opp_store_op op = { .run = run, .arg = arg, .store = store };

    return opp_writer_now(store->writer, apply_op, &op, err);
}

enum opp_code opp_session_of_file(const char *path, struct opp_session **out, struct opp_err *err)
{
    struct opp_session *session = calloc(1, sizeof *session);
    enum opp_code rc;

    if (session == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a session");
    session->read_max_ms = UNHURRIED_MS;
    rc = opp_db_open(path, OPP_DB_READER, &session->tx.db, err);
    if (rc != OPP_OK) {
        free(session);
        return rc;
    }
    *out = session;
    return OPP_OK;
}

enum opp_code opp_session_open(struct opp_store *store, struct opp_loop *loop, struct opp_session **out,
                               struct opp_err *err)
{
    struct opp_session *session = NULL;
    enum opp_code rc = opp_session_of_file(store->path, &session, err);

    if (session == NULL)
        return rc;
    session->store = store;
    session->loop = loop;
    session->read_max_ms = store->read_max_ms;
    *out = session;
    return OPP_OK;
}

void opp_session_limit(struct opp_session *session, int64_t ms)
{
    session->read_max_ms = ms;
}

enum opp_code opp_session_open_dir(const char *dir, struct opp_session **out, struct opp_err *err)
{
    struct opp_session *session = NULL;
    char path[PATH_MAX];
    enum opp_code rc;

    snprintf(path, sizeof path, "%s/" OPP_STORE_FILE, dir);
    if (access(path, F_OK) != 0)
        return opp_fail(err, OPP_E_ABSENT, "there is no %s", path);
    rc = opp_session_of_file(path, &session, err);
    if (session == NULL)
        return rc;
    session->read_max_ms = READ_MAX_MS;
    if (opp_db_version(session->tx.db) == OPP_MIGRATION_COUNT) {
        *out = session;
        return OPP_OK;
    }
    rc = opp_fail(err, OPP_E_CONFIG, "%s has schema %zu, and this program is for %zu: %s", path,
                  opp_db_version(session->tx.db), OPP_MIGRATION_COUNT,
                  opp_db_version(session->tx.db) < OPP_MIGRATION_COUNT ? "the next oppd serve brings it there"
                                                                       : "take the newer oppd that has opened it");
    opp_session_close(session);
    return rc;
}

void opp_session_close(struct opp_session *session)
{
    if (session == NULL)
        return;
    opp_db_close(session->tx.db);
    free(session);
}

enum opp_code opp_session_now(struct opp_session *session, opp_tx_fn run, void *arg, struct opp_err *err)
{
    struct opp_db *db = session->tx.db;
    int64_t until_ms = opp_monotonic_ms() + session->read_max_ms;
    enum opp_code rc = opp_db_step(db, "BEGIN", err);

    if (rc != OPP_OK)
        return rc;
    opp_db_deadline(db, until_ms);
    rc = run(&session->tx, arg, err);
    opp_db_deadline(db, 0);
    opp_db_step(db, "COMMIT", NULL);
    return rc == OPP_E_LIMIT && opp_monotonic_ms() > until_ms ? OPP_E_UNAVAILABLE : rc;
}

void opp_store_read(struct opp_session *session, struct opp_store_op *op)
{
    op->err = (struct opp_err){ 0 };
    op->rc = opp_session_now(session, op->run, op->arg, &op->err);
    op->done(op->arg);
}

void opp_store_write(struct opp_session *session, struct opp_store_op *op)
{
    op->rc = submit(session->store, session->loop, op, false);
    if (op->rc == OPP_OK)
        return;
    op->err = (struct opp_err){ 0 };
    opp_fail(&op->err, op->rc, "the write queue is full");
    op->done(op->arg);
}

enum opp_code opp_store_write_lazy(struct opp_session *session, struct opp_store_op *op)
{
    return submit(session->store, NULL, op, true);
}
