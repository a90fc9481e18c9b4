/* SPDX-License-Identifier: MIT
 *
 * policy/engine_internal.h - asking some rules only: what decisions and rules' own tests share.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_ENGINE_INTERNAL_H
#define OPP_POLICY_ENGINE_INTERNAL_H

#include "policy/bundle_internal.h"
#include "policy/engine.h"
#include "policy/lua_state.h"

struct opp_policy_engine {
    struct opp_policy_bundle *bundle;
    struct opp_policy_lua *lua;
    unsigned calls;
};

#define OPP_ALL_RULES SIZE_MAX

/* As opp_policy_decide, of one tool's rules; only one of them if only is a rule's number, whatever it is about. */
void opp_engine_judge(struct opp_policy_engine *engine, const struct opp_policy_request *request,
                      const struct opp_tool_rules *tool, size_t only, struct opp_policy_decision *out);

/* Notes that the rules have kept something if they have: a trip. OPP_E_LIMIT then. */
enum opp_code opp_engine_check_memory(struct opp_policy_engine *engine, struct opp_err *err);

/* Fills in where an error is if it does not say: the rule. */
void opp_engine_place(struct opp_err *err, const struct opp_rule *rule);

#endif
