/* SPDX-License-Identifier: MIT
 *
 * core/staging_looking.h - one decision on the staging thread: what is found out about it, and what the log keeps.
 * May include: adapter, policy, store, base, core.
 */
#ifndef OPP_CORE_STAGING_LOOKING_H
#define OPP_CORE_STAGING_LOOKING_H

#include "core/ruling.h"
#include "core/staging_internal.h"
#include "core/verdict_text.h"

/* What is known of a decision while it is looked at. */
struct opp_looking {
    struct opp_staging *staging;
    struct opp_told *told;
    const struct opp_tool *tool;
    const struct opp_app_view *view; /* NULL: no memory */
    json_t *parts;
    json_t *request;                   /* made when it is needed */
    struct opp_buf verdict, logged;    /* texts; logged is the request as the log keeps it */
    enum opp_outcome outcome;          /* in the verdict */
    struct opp_policy_decision ruling; /* of the rules in force; its JSON is lent by parts */
    struct opp_occasion occasion;      /* that it is counted for */
    bool compared, differs;
    struct opp_rejudged staged;
    struct opp_verdict_difference difference;
    const char *rule;                 /* why the two differ, or the staged one failed; NULL: none is, or they do not */
    char error[OPP_RULING_ERROR_MAX]; /* of the staged rules; "" when they did not fail */
};

/* Reads that were allowed are; all else is logged. */
bool opp_looking_is_sampled(const struct opp_looking *looking);

/* Gives what the log keeps; NULL: no memory. */
struct opp_decision *opp_looking_record(const struct opp_looking *looking, int64_t number);

#endif
