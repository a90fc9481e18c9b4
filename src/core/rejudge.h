/* SPDX-License-Identifier: MIT
 *
 * core/rejudge.h - a decision of the log, made again by other rules.
 * May include: policy, store, base, core.
 */
#ifndef OPP_CORE_REJUDGE_H
#define OPP_CORE_REJUDGE_H

#include "base/buf.h"
#include "core/verdict.h"
#include "policy/decision.h"

#include <jansson.h>
#include <stdbool.h>

struct opp_decision;
struct opp_json_cache;
struct opp_policy_engine;
struct opp_session;

/* A decision's input. All lent. */
struct opp_rejudged_input {
    const char *app_id;
    json_t *request;         /* what the rules are shown */
    const json_t *recent;    /* [[tool or null, seconds, count]]: what was asked of request.recent then; or a number
                              * that answers whatever is asked */
    const json_t *sensitive; /* object whose members' names are hashed in request; NULL: nothing is */
    struct opp_core_part core;
    bool timed;                     /* what it takes is measured, which itself takes a fifteenth of that */
    struct opp_session *executions; /* of the gateway's store: counts that nobody asked for then; NULL: not known */
};

struct opp_rejudged {
    struct opp_policy_decision ruling;
    struct opp_buf verdict; /* canonical bytes, NUL-terminated */
    bool read_sensitive;    /* a rule read what is only a hash: the ruling means nothing */
    int64_t ns;             /* CPU time of this thread; 0: no rule was asked; below 0: it was not measured */
};

#define OPP_REJUDGE_TIMED_EVERY 16 /* of many decisions so many are measured: enough for percentiles */

/* What the rules are asked; it lends from input. */
struct opp_policy_request opp_rejudge_request(const struct opp_rejudged_input *input);

/* Asks discover first, as every call does, and nothing else when that denies: what these rules would have listed
 * counts, not core.held. Zero *out before; opp_rejudged_clear when done. Whatever goes wrong is a deny with
 * ruling.failed. OPP_E_MEMORY. */
enum opp_code opp_rejudge(struct opp_policy_engine *engine, const struct opp_rejudged_input *input,
                          struct opp_rejudged *out);
/* The same for a record of the log, timed or not; cache (NULL: none) makes many of them cheaper to read.
 * OPP_E_VALIDATION: it is damaged. */
enum opp_code opp_rejudge_logged(struct opp_policy_engine *engine, const struct opp_decision *logged,
                                 struct opp_json_cache *cache, struct opp_session *executions, bool timed,
                                 struct opp_rejudged *out);
void opp_rejudged_clear(struct opp_rejudged *rejudged);

#endif
