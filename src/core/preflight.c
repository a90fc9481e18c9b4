/* SPDX-License-Identifier: MIT */
#include "core/preflight.h"

#include "base/crash.h"
#include "base/json.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "core/intent.h"
#include "core/judge.h"
#include "core/shape.h"
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

struct preflight {
    struct opp_intent intent;
    char id[OPP_ID_MAX];
    int64_t created_at, expires_at;
    bool blocked; /* by an execution of the same intent whose outcome is not known */
};

static struct preflight *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_step read_request(struct opp_call *call)
{
    struct preflight *preflight = of(call);

    if (opp_call_check_input(call, OPP_SCHEMA_PREFLIGHT) == OPP_DONE)
        return OPP_DONE;
    preflight->created_at = opp_call_now_ms(call);
    preflight->expires_at = preflight->created_at + call->worker->gateway->settings.preflight_lifetime_ms;
    preflight->intent.asked_at_ms = preflight->created_at;
    preflight->intent.phase = OPP_PHASE_PREFLIGHT;
    if (opp_intent_set(&preflight->intent, opp_json_text(call->input, "action"),
                       json_incref(json_object_get(call->input, "payload")), call->app) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return OPP_NEXT;
}

/* The record lends what the call holds; the insert copies it. */
static enum opp_code write_preflight(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct preflight *preflight = of(call);
    struct opp_intent *intent = &preflight->intent;
    union {
        const char *in;
        char *out;
    } action = { .in = intent->action }, actor = { .in = intent->actor_user_id };
    struct opp_preflight record = { .id = preflight->id,
                                    .app_id = call->app->record->id,
                                    .key_id = call->key->record->id,
                                    .actor_user_id = actor.out,
                                    .action = action.out,
                                    .intent_hash = intent->intent_hash,
                                    .impact_hash = intent->impact_hash,
                                    .witness_hash = intent->witness_hash[0] != '\0' ? intent->witness_hash : NULL,
                                    .payload = intent->payload,
                                    .impact = intent->tool_call.impact,
                                    .witness = intent->tool_call.witness,
                                    .created_at = preflight->created_at,
                                    .expires_at = preflight->expires_at };
    json_t *details = json_pack("{s:s, s:s}", "action", intent->action, "preflightId", preflight->id);
    struct opp_draft would_be = { .app_id = record.app_id, .intent_hash = intent->intent_hash };
    enum opp_code rc = opp_execute_unblocked(tx, &would_be, NULL, NULL);

    preflight->blocked = rc == OPP_E_EXECUTION_UNKNOWN;
    if (rc == OPP_OK || preflight->blocked)
        rc = details != NULL ? opp_tx_insert(tx, &OPP_PREFLIGHT, &record, err) : OPP_E_MEMORY;
    opp_crash_point("preflight.unaudited");
    if (rc == OPP_OK)
        rc = opp_call_audit(call, tx, "agent.action.preflight", OPP_OK, details, err);
    json_decref(details);
    return rc;
}

static enum opp_step record(struct opp_call *call)
{
    opp_id_make(of(call)->id, "pfl_", opp_call_now_ms(call));
    return opp_flow_write_checked(call, write_preflight);
}

/* What submitting this with execute: true and all that is required would do now. */
static json_t *decision(struct opp_call *call)
{
    const struct opp_intent *intent = &of(call)->intent;
    enum opp_code rc = opp_judge_window_now(intent->app, intent->tool, &intent->ruling, opp_call_now_ms(call));
    json_t *codes = json_array(), *reasons = json_array(), *explained;
    const char *mode = rc == OPP_OK ? "execute" : "draft";

    if (of(call)->blocked) {
        json_array_append_new(codes, json_string(opp_code_name(OPP_E_PRECONDITION)));
        json_array_append_new(reasons, json_string(OPP_BLOCKED_MESSAGE));
    } else if (rc != OPP_OK) {
        json_array_append_new(codes, json_string(opp_code_name(rc)));
        explained = opp_judge_explain(intent->app, intent->tool, &intent->ruling, rc);
        json_array_append(reasons, json_object_get(explained, "reason"));
        json_decref(explained);
    }
    if (of(call)->blocked)
        mode = "deny";
    return json_pack("{s:s, s:o, s:o, s:o}", "mode", mode, "codes", codes, "reasons", reasons, "requires",
                     opp_judge_requires(intent->app, intent->tool, &intent->ruling));
}

static enum opp_step answer(struct opp_call *call)
{
    struct preflight *preflight = of(call);
    const struct opp_intent *intent = &preflight->intent;
    const char *witness_hash = intent->witness_hash[0] != '\0' ? intent->witness_hash : NULL;

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    return opp_call_answer_recorded(
        call, json_pack("{s:s, s:s, s:b, s:O, s:s, s:O?, s:s?, s:s, s:o, s:o}", "action", intent->action, "risk",
                        opp_risk_name(intent->tool->risk), "requiresConfirmation", opp_judge_confirms(intent->tool),
                        "impact", intent->shown_impact, "impactHash", intent->impact_hash, "stateWitness",
                        intent->shown_witness, "stateWitnessHash", witness_hash, "preflightId", preflight->id,
                        "expiresAt", opp_shape_time(preflight->expires_at), "decision", decision(call)));
}

static void dispose(void *state)
{
    opp_intent_clear(&((struct preflight *)state)->intent);
}

static const opp_step_fn STEPS[] = {
    read_request,   opp_step_find_tool,  opp_step_payload, opp_step_load, opp_step_admit, opp_step_inspect,
    opp_step_rules, opp_step_understand, record,           answer,        NULL,
};

const struct opp_flow OPP_FLOW_PREFLIGHT = { STEPS, sizeof(struct preflight), dispose, "agent.action.preflight" };
