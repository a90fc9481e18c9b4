/* SPDX-License-Identifier: MIT
 *
 * policy/simulate.h - what rules would be shown of a made-up request, and what each of them says by itself.
 * May include: base, policy.
 */
#ifndef OPP_POLICY_SIMULATE_H
#define OPP_POLICY_SIMULATE_H

#include "policy/engine.h"

/* Gives the request that a rule test's `given` stands for: it names a tool, perhaps a phase, and the fields that
 * matter; the others have empty values. OPP_E_VALIDATION: err->message says what is wrong with it. OPP_E_MEMORY. */
enum opp_code opp_policy_given(const struct opp_policy_bundle *bundle, json_t *given, enum opp_phase *phase,
                               json_t **request, struct opp_err *err);

/* Asks each rule that is about the request's tool and phase alone. Gives [{rule, file, line, decision}], decision as
 * opp_policy_decision_json, or null where the rule says nothing; with error, where one failed. NULL: no memory. */
json_t *opp_policy_explain(struct opp_policy_engine *engine, const struct opp_policy_request *request);

#endif
