/* SPDX-License-Identifier: MIT
 *
 * core/tally.h - the report on two sets of rules: how often they agreed, and where not, counted one decision at a time.
 * Used by one thread at a time.
 * May include: base, core.
 */
#ifndef OPP_CORE_TALLY_H
#define OPP_CORE_TALLY_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define OPP_TALLY_EXAMPLES 5      /* newest, of each difference */
#define OPP_TALLY_DIFFERENCES 500 /* kinds of difference that are told apart; more are counted together */
#define OPP_TALLY_APPS 1000       /* apps of one difference that are counted */

struct opp_tally;

/* One decision, as it was made and as the other rules would have made it. All lent. */
struct opp_compared {
    const char *tool, *phase, *request_id, *app_id, *org_id; /* org_id NULL: none */
    int64_t number;                                          /* in the log; 0: not logged */
    int64_t at_ms;
    const char *from, *to; /* canonical bytes of two verdicts, NUL-terminated */
    const char *rule;      /* of the other rules, that is responsible; NULL: none */
    const char *from_reason, *to_reason;
    const char *input;      /* the request as it is logged, JSON; shown with an example */
    const char *error;      /* the other rules failed, and so; NULL: they did not */
    int64_t from_ns, to_ns; /* what deciding took; to_ns 0: no rule was asked, below 0: not measured */
};

/* profile: of the other rules, for the sentence. */
enum opp_code opp_tally_new(const char *profile, int64_t since_ms, struct opp_tally **out, struct opp_err *err);
void opp_tally_free(struct opp_tally *tally); /* NULL allowed */

/* OPP_E_MEMORY: it is counted, but not told in detail. */
enum opp_code opp_tally_add(struct opp_tally *tally, const struct opp_compared *compared);
void opp_tally_skip(struct opp_tally *tally, int64_t count);
/* Replay: a decision that read what the log does not hold. */
void opp_tally_unreplayable(struct opp_tally *tally);

/* Gives {since, decisions, same, agreement, differences: [{tool, phase, from, to, changed, count, apps, rule,
 * examples: [{request_id, at, app_id, org_id, input, from_reason, to_reason, number}]}], others, errors, last_error,
 * skipped, unreplayable, cost: {active_us_p50, active_us_p99, staged_us_p50, staged_us_p99}, sentence}. org_ids: whose
 * examples and apps are shown, without last_error (NULL: everybody's, with it). NULL: no memory. */
json_t *opp_tally_report(const struct opp_tally *tally, const json_t *org_ids);

/* The state in parts, to be kept and read back: "head", and one for each difference. Gives each the parts that changed
 * since the last time (lends both; the state is JSON), and stops at its first error, after which the same parts are
 * given again. */
typedef enum opp_code (*opp_tally_part_fn)(void *arg, const char *id, const char *state, struct opp_err *err);
enum opp_code opp_tally_save(struct opp_tally *tally, opp_tally_part_fn keep, void *arg, struct opp_err *err);
/* Something changed since. */
bool opp_tally_is_dirty(const struct opp_tally *tally);
/* What was given was not kept after all: all of it is given again. */
void opp_tally_touch(struct opp_tally *tally);
/* Puts a part back into a tally that is new. OPP_E_VALIDATION: it is damaged. OPP_E_MEMORY. */
enum opp_code opp_tally_restore(struct opp_tally *tally, const char *id, const char *state);

#endif
