/* SPDX-License-Identifier: MIT
 *
 * core/intent.h - an action and its payload on the way to its effect: the steps that preflight, action and approval
 * share, so that each judges the same things in the same order.
 * May include: adapter, store, base, core.
 */
#ifndef OPP_CORE_INTENT_H
#define OPP_CORE_INTENT_H

#include "adapter/adapter.h"
#include "adapter/effect.h"
#include "base/hash.h"
#include "base/id.h"
#include "core/call.h"
#include "policy/decision.h"

/* Why a pending draft fails, while that is being written; see core/moved.h. */
struct opp_moved {
    enum opp_code code;
    char message[OPP_MESSAGE_MAX];
    json_t *details;
    opp_step_fn look_again; /* where the flow goes on when the draft was ended by somebody else */
};

/* The first member of the state of every flow that uses these steps. */
struct opp_intent {
    const char *action;              /* lent */
    json_t *payload;                 /* as the agent sent it */
    const struct opp_app_entry *app; /* whose intent it is: the caller's, or the draft's when a person decides */
    const char *actor_user_id;       /* whom the app acts for */
    int64_t asked_at_ms;             /* what relative date ranges are relative to */
    const struct opp_tool *tool;
    struct opp_tool_call tool_call;
    bool loaded;
    bool watched; /* the caller's leaving abandons what the tool waits for */
    char effect_id[OPP_ID_MAX];
    char intent_hash[OPP_HASH_HEX], impact_hash[OPP_HASH_HEX], effect_hash[OPP_HASH_HEX];
    char witness_hash[OPP_HASH_HEX];      /* "" where the tool has no state */
    json_t *shown_impact, *shown_witness; /* as the agent sees them; NULL, or NULL witness */
    struct opp_policy_decision offer;     /* what they said when the tool was looked for */
    struct opp_policy_decision ruling;    /* what the rules said in the phase that was judged last */
    enum opp_phase phase;                 /* what opp_step_rules judges */
    struct opp_draft *draft;              /* what the effect is bound to, once there is one */
    struct opp_execution *execution;      /* once claimed */
    struct opp_stranded_item *stranded;   /* beside it, for when its outcome cannot be written */
    struct opp_effect_op effect_op;
    unsigned attempts; /* of the effect */
    enum opp_code outcome;
    json_t *outcome_details;
    char outcome_message[OPP_MESSAGE_MAX];
    struct opp_moved moved;
    /* Called instead of a plain refusal when set, before a claim; gives the next step. */
    enum opp_step (*refused)(struct opp_call *call, enum opp_code code, const char *message, json_t *details);
};

/* Prepares an intent for action and payload (taken) of an app. OPP_E_MEMORY. */
enum opp_code opp_intent_set(struct opp_intent *intent, const char *action, json_t *payload,
                             const struct opp_app_entry *app);
/* Whose intent it is, anew after the registry was. */
void opp_intent_set_app(struct opp_intent *intent, const struct opp_app_entry *app);
void opp_intent_clear(struct opp_intent *intent);

/* Refuses with agent.action_unknown or agent.scope_denied, or gives OPP_NEXT. */
enum opp_step opp_step_find_tool(struct opp_call *call);

/* Once the tool is known and the app has its scopes: it is not frozen, its rate limit has room, and the rules let the
 * caller know of it. OPP_NEXT, or a refusal. */
enum opp_step opp_intent_enter(struct opp_call *call);

/* Steps, in this order: the payload fits the tool's schema; the resources are loaded; they are inside the boundary and
 * the data policy; the adapter says what would happen; the rules judge it; what the agent is shown of it, and the
 * hashes. */
enum opp_step opp_step_payload(struct opp_call *call);
enum opp_step opp_step_load(struct opp_call *call);
enum opp_step opp_step_admit(struct opp_call *call);
enum opp_step opp_step_inspect(struct opp_call *call);
/* The rules' facts join the witness; the rules judge intent->phase: a deny is refused, the rest is in intent->ruling.
 */
enum opp_step opp_step_rules(struct opp_call *call);
enum opp_step opp_step_understand(struct opp_call *call);
/* What was found equals what the intent's draft, if there is one, was made of; else the world has moved. */
enum opp_step opp_step_compare(struct opp_call *call);

/* After the tool's call was asked for something: waits for it, and gives it up if the caller leaves before a claim. */
enum opp_step opp_intent_await_tool(struct opp_call *call);

/* Refuses with what the tool's call said: its rc is not OPP_OK. */
enum opp_step opp_intent_refuse_tool(struct opp_call *call);
enum opp_step opp_intent_refuse(struct opp_call *call, enum opp_code code, const char *message, json_t *details);
/* 409 agent.precondition_failed with {action, reason}. */
enum opp_step opp_intent_refuse_moved(struct opp_call *call, const char *message, const char *reason);

/* The scopes that an app lacks for a tool, as an array; NULL when none. */
json_t *opp_scopes_missing(const struct opp_app_entry *app, const struct opp_tool *tool);

#endif
