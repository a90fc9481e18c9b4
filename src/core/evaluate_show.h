/* SPDX-License-Identifier: MIT
 *
 * core/evaluate_show.h - how an evaluated decision is told.
 * May include: policy, store, base, core.
 */
#ifndef OPP_CORE_EVALUATE_SHOW_H
#define OPP_CORE_EVALUATE_SHOW_H

#include "core/rejudge.h"

#include <jansson.h>

struct opp_decision;
struct opp_generation;

/* All lent. */
struct opp_evaluated {
    const struct opp_generation *generation;
    const struct opp_rejudged_input *input;
    const struct opp_decision *recorded; /* NULL: it was made up */
    struct opp_rejudged judged;
    json_t *rules; /* of opp_policy_explain */
};

/* Gives what opp_evaluate gives. NULL: no memory. */
json_t *opp_evaluated_json(const struct opp_evaluated *evaluated);

#endif
