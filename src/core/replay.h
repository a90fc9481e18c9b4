/* SPDX-License-Identifier: MIT
 *
 * core/replay.h - the decision log judged again by other rules, into the report that staging gives.
 * May include: policy, store, base, core.
 */
#ifndef OPP_CORE_REPLAY_H
#define OPP_CORE_REPLAY_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdint.h>

struct opp_policy_bundle;
struct opp_session;
struct opp_tally;

/* All lent. */
struct opp_replay {
    const char *data_dir;
    struct opp_policy_bundle *bundle;
    struct opp_session *executions; /* of the gateway's store, for counts that nobody asked for then; NULL: not known */
    int64_t since_ms;               /* 0: from the beginning */
    int64_t limit;                  /* at most so many, the newest; 0: all */
    int64_t now_ms;                 /* since when the report is, where there is nothing to report */
};

/* Read and written by any thread while a replay runs. Zero it. */
struct opp_replay_progress {
    atomic_llong total, done; /* decisions */
    atomic_bool canceled;     /* set it, and the replay ends soon */
};

/* Replays on the calling thread, in steps of a few milliseconds that each look at the log anew. Gives the report's
 * tally, also of what was done before it was canceled. OPP_E_IO: there is no log. Codes of opp_policy_engine_new and
 * opp_session_now. */
enum opp_code opp_replay_run(const struct opp_replay *replay, struct opp_replay_progress *progress,
                             struct opp_tally **out, struct opp_err *err);

#endif
