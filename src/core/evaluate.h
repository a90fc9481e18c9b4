/* SPDX-License-Identifier: MIT
 *
 * core/evaluate.h - one decision explained: what each rule says, what the core and the app's settings contribute, and
 * how it comes together; of a made-up request, or of one in the decision log.
 * May include: adapter, policy, store, base, core.
 */
#ifndef OPP_CORE_EVALUATE_H
#define OPP_CORE_EVALUATE_H

#include "base/error.h"

#include <jansson.h>

struct opp_admin_token;
struct opp_gateway;
struct opp_generation;
struct opp_registry;

/* All lent; generation and registry are pinned. Exactly one of request and request_id. */
struct opp_evaluation {
    struct opp_gateway *gateway;
    const struct opp_generation *generation; /* by which it is judged */
    const struct opp_registry *registry;
    const struct opp_admin_token *admin; /* who asks: what others' apps did is not shown */
    json_t *request;                     /* as a rule test's given; its app may be an app's id */
    const json_t *safeguards;            /* names of what the made-up request brings along */
    const char *request_id, *phase;      /* phase NULL: the last that was decided of the request */
};

/* Judges it; nothing is written, counted or executed. Takes its time: not for a loop's thread. Gives {policy: {profile,
 * generation, sha256}, phase, tool, request, rules, ruling, core, combined: [{member, value, by}], decision, recorded,
 * sentence}. OPP_E_ABSENT: no such recorded request, or not for this person. OPP_E_VALIDATION: err->where points into
 * the request. OPP_E_MEMORY, OPP_E_IO. */
enum opp_code opp_evaluate(const struct opp_evaluation *evaluation, json_t **out, struct opp_err *err);

#endif
