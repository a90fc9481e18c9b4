/* SPDX-License-Identifier: MIT
 *
 * store/store.h - the only door to persistence: transactions that run elsewhere and report back to a loop.
 * May include: base.
 */
#ifndef OPP_STORE_STORE_H
#define OPP_STORE_STORE_H

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/writer.h"

#include <stdbool.h>
#include <stdint.h>

struct opp_backup;
struct opp_session;
struct opp_store;
struct opp_tx;

/* The body of a transaction. What it returns besides OPP_OK undoes it. It may run on another thread than the one that
 * asked, which must leave arg alone until done. */
typedef enum opp_code (*opp_tx_fn)(struct opp_tx *tx, void *arg, struct opp_err *err);

/* One transaction, read or write. The caller embeds it and keeps it until done ran on the session's loop; done may
 * be called before opp_store_read or opp_store_write returns. rc OPP_OK of a write means durable. */
struct opp_store_op {
    opp_tx_fn run;
    void (*done)(void *arg);
    void *arg;
    size_t bytes; /* about what a write holds in memory */
    bool checked; /* a write refuses before it changes anything, see store/writer.h */
    enum opp_code rc;
    struct opp_err err;
    struct opp_store *store;
    struct opp_write write;
};

#define OPP_STORE_FILE "gateway.db" /* in the data directory */

struct opp_store_settings {
    const char *dir; /* the data directory */
    struct opp_log *log;
    struct opp_metrics *metrics; /* as of struct opp_writer_settings */
    struct opp_clock *clock;     /* raised to the newest recorded time at opening */
    size_t queue_max_bytes;
    size_t lazy_max_bytes;
    int64_t read_max_ms;                                       /* of a session's read; 0: five seconds */
    void (*on_unknown)(const char *name, const char *message); /* see store/writer.h */
};

/* Opens (making it if new) and migrates. *fresh tells whether it was new. OPP_E_IO, OPP_E_CONFIG. */
enum opp_code opp_store_open(const struct opp_store_settings *settings, struct opp_store **out, int *fresh,
                             struct opp_err *err);
/* Commits what is queued. All sessions must be closed. */
void opp_store_close(struct opp_store *store);
/* Commits what is queued and takes no more writes, see opp_writer_end: before the loops of its sessions are freed. */
void opp_store_end(struct opp_store *store);

/* Who is told, on the writer's thread, after a commit that changed the registry and before it is answered. Set once,
 * before the first write. tx reads what was committed. */
void opp_store_on_registry(struct opp_store *store, void (*fn)(void *arg, struct opp_tx *tx, uint64_t version),
                           void *arg);

struct opp_chain_head;
/* Who is told, on the writer's thread, where the audit chain ends after a commit; fn NULL: nobody, and who was told is
 * told no more when this returns. From any thread but the writer's. */
void opp_store_on_commit(struct opp_store *store, void (*fn)(void *arg, const struct opp_chain_head *head), void *arg);

/* Runs a transaction from a thread that may wait: not a loop's, and not the writer's. */
enum opp_code opp_store_now(struct opp_store *store, opp_tx_fn run, void *arg, struct opp_err *err);

/* Adds the database to a backup, after the adapters'. OPP_E_MEMORY. */
enum opp_code opp_store_backup(struct opp_store *store, struct opp_backup *backup, struct opp_err *err);

bool opp_store_healthy(const struct opp_store *store);

/* One loop's way in; used on that loop's thread only. */
enum opp_code opp_session_open(struct opp_store *store, struct opp_loop *loop, struct opp_session **out,
                               struct opp_err *err);
/* Gives a session of a data directory that a running gateway may be writing, or nobody: it only reads, and only
 * opp_session_now is for it. OPP_E_ABSENT: there is no store. OPP_E_CONFIG: its schema is another program's. OPP_E_IO.
 */
enum opp_code opp_session_open_dir(const char *dir, struct opp_session **out, struct opp_err *err);
void opp_session_close(struct opp_session *session);

void opp_store_read(struct opp_session *session, struct opp_store_op *op);
/* Reads at once, on the session's thread: for the few questions whose asker cannot wait. Like every read of a session
 * it is ended when it takes too long, which would keep the log of changes from being emptied: OPP_E_UNAVAILABLE. */
enum opp_code opp_session_now(struct opp_session *session, opp_tx_fn run, void *arg, struct opp_err *err);
/* rc OPP_E_UNAVAILABLE: the queue is full or the disk will not take it; nothing happened. */
void opp_store_write(struct opp_session *session, struct opp_store_op *op);
/* A write of one record that nobody waits for: done runs on the writer's thread. OPP_E_UNAVAILABLE: not taken, done is
 * not called. */
enum opp_code opp_store_write_lazy(struct opp_session *session, struct opp_store_op *op);

#endif
