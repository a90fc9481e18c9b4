/* SPDX-License-Identifier: MIT
 *
 * policy/merge.h - answers of several rules made one decision: the strictest outcome, each obligation the stricter.
 * May include: base, policy.
 */
#ifndef OPP_POLICY_MERGE_H
#define OPP_POLICY_MERGE_H

#include "policy/answer.h"
#include "policy/decision.h"

/* One rule's answer, all lent. A decision has copies: JSON that threads share is only ever read. */
struct opp_spoken {
    const char *rule;    /* its name */
    const json_t *tools; /* the rule's: a limit without tools counts these */
    const struct opp_answer *answer;
    const char *reason, *tag; /* "" for none */
    const json_t *redact;     /* array, or JSON null */
    json_t *limit_tools;      /* array, or JSON null; lent */
};

/* Starts a decision that nobody has spoken in. */
void opp_decision_start(struct opp_policy_decision *out);
/* In the phase read a draft is a deny. OPP_E_MEMORY: out is of no use, fail it. */
enum opp_code opp_decision_merge(struct opp_policy_decision *out, enum opp_phase phase,
                                 const struct opp_spoken *spoken);
/* Makes it the deny that a failed rule is, whatever was said before. rule may be NULL. */
void opp_decision_fail(struct opp_policy_decision *out, const char *rule, const struct opp_err *err);

#endif
