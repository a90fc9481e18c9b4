/* SPDX-License-Identifier: MIT
 *
 * core/staging_internal.h - what the staging thread keeps, and its parts: judging one decision, writing the log.
 * May include: adapter, policy, store, base, core.
 */
#ifndef OPP_CORE_STAGING_INTERNAL_H
#define OPP_CORE_STAGING_INTERNAL_H

#include "base/json_cache.h"
#include "core/app_view.h"
#include "core/rejudge.h"
#include "core/staging.h"
#include "core/tally.h"
#include "core/told.h"
#include "core/told_spares.h"
#include "store/decisions.h"
#include "store/records.h"

#include <pthread.h>
#include <stdatomic.h>

#define OPP_STAGING_BATCH_MAX 256 /* decisions that are written at once */

/* What the counts belong to. */
struct opp_occasion {
    char profile[72], sha256[OPP_HASH_HEX];
    int64_t staged_at_ms, generation; /* of the rules in force */
    unsigned epoch;                   /* of opp_staging_set */
};

/* The staging thread's own. */
struct opp_staging_log {
    struct opp_decisions *decisions; /* NULL: it could not be opened */
    struct opp_decision *batch[OPP_STAGING_BATCH_MAX];
    size_t count;
    int64_t last_number;
    int64_t first_ms; /* monotonic: since when a batch gathers */
    int64_t retry_ms; /* monotonic: not opened, nor complained, before this */
    int64_t prune_ms; /* monotonic: not pruned before this */
};

struct opp_staging {
    struct opp_gateway *gateway;
    struct opp_staging_settings settings;
    char dir[4096];
    pthread_t thread;

    struct opp_told_spares spares;

    pthread_mutex_t lock; /* guards the queue, and what is to be staged next */
    pthread_cond_t wake, done;
    struct opp_told *first, **last;
    size_t queued, queued_bytes;
    int64_t skipped; /* not yet counted */
    bool stopping, resting, changed;
    unsigned flushes, flushed; /* asked for, done */
    struct opp_policy_engine *next;
    unsigned next_epoch;

    atomic_bool active;
    atomic_llong lost; /* decisions that were not logged */
    /* As in opp_staging_counts. */
    atomic_llong same, different, failed, skipped_staged, written, skipped_all;

    pthread_mutex_t state;   /* guards the counts */
    struct opp_tally *tally; /* NULL: nothing is staged */
    struct opp_occasion occasion;
    struct opp_policy_bundle *bundle; /* what is staged */
    bool restore;                     /* the log may hold earlier counts of this occasion */
    bool anew;                        /* whatever counts the log holds are to go */

    /* The thread's own: */
    struct opp_policy_engine *engine;
    unsigned epoch;
    bool busy;       /* there was something at the last look */
    unsigned judged; /* by the staged rules; it may wrap */
    struct opp_session *executions;
    struct opp_app_views *views;
    struct opp_json_cache *cache; /* of what decisions have in common */
    struct opp_staging_log log;
};

/* Judges one decision, counts it, and puts it into the batch if it is to be logged. */
void opp_staging_judge(struct opp_staging *staging, struct opp_told *told);

/* A number for a decision of that time, above all before it. */
int64_t opp_staging_number(struct opp_staging_log *log, int64_t at_ms);
/* Takes the record. */
void opp_staging_log_add(struct opp_staging *staging, struct opp_decision *record);
/* Commits the batch and the counts; what the disk does not take is lost, and said. */
void opp_staging_log_commit(struct opp_staging *staging);
void opp_staging_log_open(struct opp_staging *staging);
/* A step of pruning, if it is time. */
void opp_staging_log_prune(struct opp_staging *staging);
void opp_staging_log_close(struct opp_staging *staging);
/* Goes on with the counts that the log holds of this occasion, once after it was set. */
void opp_staging_log_restore(struct opp_staging *staging);

/* The generation in force now. */
int64_t opp_staging_in_force(struct opp_staging *staging);
/* Begins to count anew; the state is held. */
enum opp_code opp_staging_begin(struct opp_staging *staging, int64_t since_ms);

#endif
