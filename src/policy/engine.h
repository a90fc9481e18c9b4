/* SPDX-License-Identifier: MIT
 *
 * policy/engine.h - a bundle's rules in a sealed Lua state of one thread: asked for decisions and for witness facts.
 * May include: base, script, policy.
 */
#ifndef OPP_POLICY_ENGINE_H
#define OPP_POLICY_ENGINE_H

#include "policy/bundle.h"
#include "policy/decision.h"

#define OPP_POLICY_ENGINE_CALLS_MAX 1000 /* a state is replaced after so many */

struct opp_policy_engine;

/* Gives an engine that holds a reference to the bundle. OPP_E_CONFIG, OPP_E_LIMIT: the rules do not load any more.
 * OPP_E_MEMORY. */
enum opp_code opp_policy_engine_new(struct opp_policy_bundle *bundle, struct opp_policy_engine **out,
                                    struct opp_err *err);
void opp_policy_engine_free(struct opp_policy_engine *engine);
/* Lent. */
struct opp_policy_bundle *opp_policy_engine_bundle(const struct opp_policy_engine *engine);

/* Whether the state wants to be replaced: it tripped (it then denies everything) or has served its calls. Ask after the
 * reply. */
bool opp_policy_engine_stale(const struct opp_policy_engine *engine);
/* Replaces the state; on failure the old one stays and so does staleness. Codes as _new. */
enum opp_code opp_policy_engine_renew(struct opp_policy_engine *engine, struct opp_err *err);

/* Asks every rule that is about the tool. Always gives a decision: whatever goes wrong is a deny with failed set.
 * A tripped engine is renewed first if it was not yet. */
void opp_policy_decide(struct opp_policy_engine *engine, const struct opp_policy_request *request,
                       struct opp_policy_decision *out);

/* Gives {rule name: facts} of the tool's rules that have a witness, or NULL when none has. state and payload are lent.
 * OPP_E_SCRIPT, OPP_E_LIMIT: a rule failed (err->where is file:line): treat as a deny. OPP_E_MEMORY. */
enum opp_code opp_policy_witness(struct opp_policy_engine *engine, const char *tool, json_t *state, json_t *payload,
                                 json_t **facts, struct opp_err *err);

#endif
