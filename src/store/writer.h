/* SPDX-License-Identifier: MIT
 *
 * store/writer.h - the one thread that writes a database: what waits is committed together, durably (group commit).
 * May include: base.
 */
#ifndef OPP_STORE_WRITER_H
#define OPP_STORE_WRITER_H

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_db;
struct opp_writer;

/* One operation. The caller embeds it and keeps it until done ran. */
struct opp_write {
    /* On the writer's thread, in a savepoint of its own: what fails is undone alone, with its own code; so is what
     * leaves a deferred foreign key open (OPP_E_EXISTS). Where SQLite undoes the whole batch, none of it happened and
     * every rc is OPP_E_UNAVAILABLE. */
    enum opp_code (*apply)(struct opp_db *db, void *arg, struct opp_err *err);
    void (*done)(void *arg); /* after the commit, on loop; with no loop, on the writer's thread */
    void *arg;
    struct opp_loop *loop;
    size_t bytes; /* about what the operation holds in memory, for the queue's bound */
    bool lazy;    /* nobody waits: may linger to share a commit; what fails stays queued until the writer stops */
    /* What it may refuse it refuses before it changes anything, or it changes with one statement, which SQLite undoes
     * by itself: no savepoint, which copies each page that is changed. If it fails later all the same, for want of
     * memory or in a damaged database, the whole batch is undone. */
    bool checked;
    bool aside;       /* apply runs between two batches and outside of any transaction; it is never refused */
    enum opp_code rc; /* the outcome, when done is called: OPP_OK means durable */
    struct opp_err err;
    struct opp_write *next;
    struct opp_post post;
};

/* State beside the database that must follow its savepoints and commits. All run on the writer's thread. */
struct opp_writer_hooks {
    void (*save)(void *arg);                   /* before an operation */
    void (*restore)(void *arg);                /* after one was undone */
    void (*commit)(void *arg, bool committed); /* after the batch */
    void *arg;
};

#define OPP_WRITER_QUEUE_MAX 16384            /* operations that wait at the same time */
#define OPP_WRITER_LOG_MAX (64 * 1024 * 1024) /* bytes of the write-ahead log, about */

struct opp_writer_settings {
    const char *name; /* for messages */
    struct opp_log *log;
    struct opp_metrics *metrics; /* where it counts; NULL: nowhere */
    struct opp_writer_hooks hooks;
    size_t queue_max_bytes;
    size_t lazy_max_bytes;
    /* A commit whose outcome cannot be known: nothing more may be acknowledged. Must not return. */
    void (*on_unknown)(const char *name, const char *message);
};

/* Takes db (a writer's connection) and gives its running thread. It checkpoints too; while a reader keeps the log from
 * being emptied and it is at its maximum, what is asked for gets OPP_E_UNAVAILABLE. */
enum opp_code opp_writer_start(struct opp_db *db, const struct opp_writer_settings *settings, struct opp_writer **out,
                               struct opp_err *err);
/* Commits what is queued and ends the thread; what is submitted from then on gets OPP_E_UNAVAILABLE. All that was taken
 * has been posted to its loop then: no loop that operations name may be freed before. One thread's to call. */
void opp_writer_end(struct opp_writer *writer);
/* Ends it, where that is still to do, and closes the database. */
void opp_writer_stop(struct opp_writer *writer);

/* From any thread. OPP_E_UNAVAILABLE: the queue is full; done will not be called. */
enum opp_code opp_writer_submit(struct opp_writer *writer, struct opp_write *write);

/* From any thread but the writer's own: waits until the operation is committed, or was not. Codes as apply's, and
 * OPP_E_UNAVAILABLE. */
enum opp_code opp_writer_now(struct opp_writer *writer,
                             enum opp_code (*apply)(struct opp_db *db, void *arg, struct opp_err *err), void *arg,
                             struct opp_err *err);

/* Whether the last commit succeeded. */
bool opp_writer_healthy(const struct opp_writer *writer);

#endif
