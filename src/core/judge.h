/* SPDX-License-Identifier: MIT
 *
 * core/judge.h - may this action run without a person? The app's windows and the safeguards, in the contract's order.
 * May include: adapter, base, core.
 */
#ifndef OPP_CORE_JUDGE_H
#define OPP_CORE_JUDGE_H

#include "core/registry.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct opp_policy_decision;
struct opp_tool;

/* What the request brought along for an execution at once. */
struct opp_safeguards {
    bool justification, idempotency_key;
    bool preflight;          /* a handle, or a hash that equals the impact's */
    bool preflight_mismatch; /* a handle or hash of something else */
    bool preflight_gone;     /* the handle of this very intent, expired */
    bool witness;            /* a state witness that the request names or its preflight has */
    bool limit_reached;      /* a rule's limit was used up when it was to be claimed */
};

/* ruling: what the rules said. OPP_OK: it may run. Else the denied code of contract section 5, for which a draft is
 * made instead. */
enum opp_code opp_judge(const struct opp_app_entry *app, const struct opp_tool *tool,
                        const struct opp_policy_decision *ruling, const struct opp_safeguards *have, int64_t now_ms);

/* The codes' own section: which window the tool's risk goes by. */
const struct opp_window *opp_judge_window(const struct opp_app_entry *app, const struct opp_tool *tool);
/* The first reason of the app's window and the rules alone, whatever the request brings. */
enum opp_code opp_judge_window_now(const struct opp_app_entry *app, const struct opp_tool *tool,
                                   const struct opp_policy_decision *ruling, int64_t now_ms);

/* Whether a client should ask its user first: requiresConfirmation. */
bool opp_judge_confirms(const struct opp_tool *tool);

/* Gives {code, reason, requires[], opensAt?} of a denied code, JSON null for OPP_OK. */
json_t *opp_judge_explain(const struct opp_app_entry *app, const struct opp_tool *tool,
                          const struct opp_policy_decision *ruling, enum opp_code denied);
/* Gives the names of what an execution at once must bring: preflight, idempotency, justification. */
json_t *opp_judge_requires(const struct opp_app_entry *app, const struct opp_tool *tool,
                           const struct opp_policy_decision *ruling);

#endif
