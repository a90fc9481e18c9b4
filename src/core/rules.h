/* SPDX-License-Identifier: MIT
 *
 * core/rules.h - the operator's rules at their places in a call: what they are told, and what their answers do.
 * May include: policy, adapter, base, core.
 */
#ifndef OPP_CORE_RULES_H
#define OPP_CORE_RULES_H

#include "core/call.h"
#include "policy/decision.h"

struct opp_tool;

/* Whether the rules let the caller know of the tool: OPP_NEXT, or a refusal as of opp_intent_refuse. */
enum opp_step opp_rules_discover(struct opp_call *call, const struct opp_tool *tool);

/* As opp_rules_discover for a list: what the manifest says of the tool. Clear the decision. */
void opp_rules_look(struct opp_call *call, const struct opp_tool *tool, struct opp_policy_decision *out);

/* Judges the intent in a phase; a deny is refused (OPP_DONE or the next step of the refusal), the rest is in
 * intent->ruling. What a phase shows of the intent must have been found before. */
enum opp_step opp_rules_judge(struct opp_call *call, enum opp_phase phase);

/* The most approvals that the draft and the rules ask for. */
int64_t opp_rules_approvals(const struct opp_policy_decision *ruling, int64_t required);

/* Inside the claim's transaction: every limit that the rules set still has room. OPP_E_LIMIT: one is used up,
 * err->where is "limit", and *used_up (which may be NULL) lends it as long as the ruling has it. */
struct opp_draft;
struct opp_tx;
enum opp_code opp_rules_limits(struct opp_tx *tx, const struct opp_policy_decision *ruling,
                               const struct opp_draft *draft, int64_t now_ms, const json_t **used_up,
                               struct opp_err *err);

#endif
