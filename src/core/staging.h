/* SPDX-License-Identifier: MIT
 *
 * core/staging.h - the staging thread: it judges what was decided by the staged rules too, counts, and writes the
 * decision log. Nothing here can make a caller wait or fail.
 * May include: policy, store, base, core.
 */
#ifndef OPP_CORE_STAGING_H
#define OPP_CORE_STAGING_H

#include "base/error.h"
#include "base/loop.h"
#include "policy/bundle.h"
#include "store/store.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define OPP_STAGING_QUEUE_MAX 8192 /* decisions that wait; more are skipped */
#define OPP_STAGING_QUEUE_MAX_BYTES ((size_t)32 * 1024 * 1024)
#define OPP_STAGING_SAMPLE 100 /* of reads that were allowed, one in so many is logged */

struct opp_gateway;
struct opp_generation;
struct opp_staging;
struct opp_told;

struct opp_staging_settings {
    const char *dir; /* the data directory */
    int64_t max_age_ms, max_rows;
};

/* Opens the log and starts the thread; gateway (its log, clock, store, adapters) outlives it. A log that cannot be
 * opened is said in the gateway's log, and staging goes on without. OPP_E_IO, OPP_E_MEMORY: there is no thread. */
enum opp_code opp_staging_open(struct opp_gateway *gateway, const struct opp_staging_settings *settings,
                               struct opp_staging **out, struct opp_err *err);
/* Judges and writes what waits, and ends. No worker may tell it anything any more. NULL allowed. */
void opp_staging_close(struct opp_staging *staging);

/* From any thread: what is staged from now on. The generation is lent, while it is pinned; NULL: nothing is. With its
 * hash, when it was loaded is what the counts belong to, so that a restart that sets the same goes on counting, and
 * anything else begins anew. Codes of opp_policy_engine_new: nothing has changed. */
enum opp_code opp_staging_set(struct opp_staging *staging, const struct opp_generation *generation,
                              struct opp_err *err);

/* From any thread, cheap: whether something is staged, so that every decision is to be told. */
bool opp_staging_active(const struct opp_staging *staging);
/* Gives one to write into; NULL when memory is out. From any thread. */
struct opp_told *opp_staging_blank(struct opp_staging *staging);
/* From any thread: takes what core/told.h made. Never waits; what does not fit is counted as skipped. */
void opp_staging_tell(struct opp_staging *staging, struct opp_told *told);

/* Gives the report of core/tally.h with {staged: {profile, sha256}, lost}; org_ids as there. Waits for a lock that is
 * held for as long as one decision is counted. OPP_E_ABSENT: nothing is staged. OPP_E_MEMORY. */
enum opp_code opp_staging_report(struct opp_staging *staging, const json_t *org_ids, json_t **out, struct opp_err *err);

/* Decisions since the process started, and what waits now. */
struct opp_staging_counts {
    int64_t same, different, failed; /* judged by staged rules too */
    int64_t skipped_staged;          /* not judged by them: they found the queue full, or came from older rules */
    int64_t written, lost;           /* logged, and not taken by the log */
    int64_t skipped;                 /* found the queue full: neither judged nor logged */
    size_t queued, queued_bytes;
};
/* From any thread. */
void opp_staging_count(struct opp_staging *staging, struct opp_staging_counts *out);

/* Gives a reference to what is staged, or NULL. From any thread. */
struct opp_policy_bundle *opp_staging_bundle(struct opp_staging *staging);

/* Reads the log; codes of opp_decisions_read. From any thread. */
enum opp_code opp_staging_read_log(struct opp_staging *staging, opp_tx_fn run, void *arg, struct opp_err *err);

/* For tests and a clean stop: waits until everything that was told before is counted and committed. */
void opp_staging_flush(struct opp_staging *staging);

#endif
