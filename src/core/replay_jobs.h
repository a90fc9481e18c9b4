/* SPDX-License-Identifier: MIT
 *
 * core/replay_jobs.h - replays in the background: one at a time, on a thread that gives way to all others, with its
 * progress and its report.
 * May include: policy, store, base, core.
 */
#ifndef OPP_CORE_REPLAY_JOBS_H
#define OPP_CORE_REPLAY_JOBS_H

#include "base/error.h"
#include "base/id.h"

#include <jansson.h>
#include <stdint.h>

#define OPP_REPLAY_JOBS_KEPT 8 /* the last, with their reports */

struct opp_gateway;
struct opp_replay_jobs;

struct opp_replay_asked {
    const char *profile; /* whose files */
    const char *user_id;
    int64_t since_ms, limit; /* 0: all */
};

/* gateway (its store, generations, directories and hub) outlives them. OPP_E_MEMORY. */
enum opp_code opp_replay_jobs_new(struct opp_gateway *gateway, struct opp_replay_jobs **out, struct opp_err *err);
/* Cancels what runs and waits for it. NULL allowed. */
void opp_replay_jobs_free(struct opp_replay_jobs *jobs);

/* Starts one; its end is told to the hub under its id. OPP_E_UNAVAILABLE: another runs. OPP_E_MEMORY. */
enum opp_code opp_replay_jobs_start(struct opp_replay_jobs *jobs, const struct opp_replay_asked *asked,
                                    char id[OPP_ID_MAX], struct opp_err *err);

/* Gives {job: {id, kind, status, profile, sha256, since, limit, total, done, started_by, started_at, finished_at,
 * error}, report}. status is running, done, failed or canceled; the report is null until it is done. org_ids as for
 * opp_tally_report. issues (give; NULL: not wanted): those of a profile that does not load, else untouched.
 * OPP_E_ABSENT: there is no such job (any more). OPP_E_MEMORY. */
enum opp_code opp_replay_jobs_show(struct opp_replay_jobs *jobs, const char *id, const json_t *org_ids, json_t **out,
                                   json_t **issues);

/* Gives an array of the jobs that are kept, the newest first, without their reports. NULL: no memory. */
json_t *opp_replay_jobs_list(struct opp_replay_jobs *jobs);

/* Ends it soon; one that has ended stays as it is. OPP_E_ABSENT. */
enum opp_code opp_replay_jobs_cancel(struct opp_replay_jobs *jobs, const char *id);

#endif
