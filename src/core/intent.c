/* SPDX-License-Identifier: MIT */
#include "core/intent.h"

#include "base/jcs.h"
#include "base/json.h"
#include "core/app_view.h"
#include "core/boundary.h"
#include "core/execute.h"
#include "core/freeze.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/guard.h"
#include "core/redact.h"
#include "core/rules.h"
#include "policy/bundle.h"

#include <string.h>

#define MESSAGE_NOT_YOURS "The resource does not exist, or may not be used by this credential."

static struct opp_intent *of(struct opp_call *call)
{
    return call->state;
}

/* H({action, payload}), or with an impact H({action, impact, payload}): the members in the order of their names. */
static enum opp_code hash_named(const struct opp_intent *intent, const json_t *impact, char hash[OPP_HASH_HEX])
{
    struct opp_buf named = { 0 };
    enum opp_code rc;

    opp_buf_char(&named, '{');
    opp_jcs_member_text(&named, "action", intent->action);
    if (impact != NULL)
        opp_jcs_member_json(&named, "impact", impact);
    opp_jcs_member_json(&named, "payload", intent->payload);
    opp_buf_char(&named, '}');
    rc = opp_buf_check(&named, NULL);
    if (rc == OPP_OK)
        opp_hash_hex(named.bytes, named.length, hash);
    opp_buf_free(&named);
    return rc;
}

enum opp_code opp_intent_set(struct opp_intent *intent, const char *action, json_t *payload,
                             const struct opp_app_entry *app)
{
    json_decref(intent->payload);
    intent->payload = payload;
    intent->action = action;
    opp_intent_set_app(intent, app);
    return payload != NULL ? hash_named(intent, NULL, intent->intent_hash) : OPP_E_MEMORY;
}

void opp_intent_set_app(struct opp_intent *intent, const struct opp_app_entry *app)
{
    bool workspace = strcmp(app->record->scope, "workspace") == 0;

    intent->app = app;
    intent->actor_user_id = workspace ? app->record->service_user_id : app->record->user_id;
}

/* Forgets what load and inspect found, so that they can run again. */
static void forget_found(struct opp_intent *intent)
{
    struct opp_tool_input *input = &intent->tool_call.input;

    if (intent->loaded)
        opp_tool_close(&intent->tool_call);
    intent->loaded = false;
    json_decref(input->payload);
    json_decref(input->actor);
    json_decref(input->app);
    json_decref(input->limits);
    json_decref(input->boundary);
    *input = (struct opp_tool_input){ 0 };
    json_decref(intent->shown_impact);
    json_decref(intent->shown_witness);
    intent->shown_impact = intent->shown_witness = NULL;
}

void opp_intent_clear(struct opp_intent *intent)
{
    forget_found(intent);
    opp_policy_decision_clear(&intent->offer);
    opp_policy_decision_clear(&intent->ruling);
    json_decref(intent->payload);
    json_decref(intent->outcome_details);
    json_decref(intent->moved.details);
    json_decref(intent->effect_op.result);
    opp_record_free(&OPP_DRAFT, intent->draft);
    opp_record_free(&OPP_EXECUTION, intent->execution);
    free(intent->stranded);
    *intent = (struct opp_intent){ 0 };
}

enum opp_step opp_intent_refuse(struct opp_call *call, enum opp_code code, const char *message, json_t *details)
{
    struct opp_intent *intent = of(call);

    if (intent->execution != NULL)
        return opp_execute_fail(call, code, message, details);
    return intent->refused != NULL ? intent->refused(call, code, message, details)
                                   : opp_call_refuse(call, code, message, details);
}

enum opp_step opp_intent_refuse_moved(struct opp_call *call, const char *message, const char *reason)
{
    return opp_intent_refuse(call, OPP_E_PRECONDITION, message,
                             json_pack("{s:s, s:s}", "action", of(call)->action, "reason", reason));
}

/* The refusal that an unknown resource and another tenant's have in common. */
static enum opp_step refuse_resource(struct opp_call *call)
{
    return opp_intent_refuse(call, OPP_E_POLICY_DENIED, MESSAGE_NOT_YOURS, NULL);
}

json_t *opp_scopes_missing(const struct opp_app_entry *app, const struct opp_tool *tool)
{
    json_t *missing = NULL, *wanted, *granted;
    size_t i, j;

    json_array_foreach(tool->scopes, i, wanted)
    {
        bool found = false;

        json_array_foreach(app->record->scopes, j, granted)
        {
            found = found || json_equal(wanted, granted) != 0;
        }
        if (!found) {
            missing = missing != NULL ? missing : json_array();
            json_array_append(missing, wanted);
        }
    }
    return missing;
}

enum opp_step opp_intent_enter(struct opp_call *call)
{
    const struct opp_tool *tool = of(call)->tool;

    if (opp_freeze_check(call) == OPP_DONE || opp_guard_limit_tool(call, tool) == OPP_DONE)
        return OPP_DONE;
    return opp_rules_discover(call, tool);
}

enum opp_step opp_step_find_tool(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    json_t *missing;

    intent->tool = opp_tool_find(opp_generation_adapters(call->generation), intent->action);
    if (intent->tool == NULL || !intent->tool->is_action)
        return opp_intent_refuse(call, OPP_E_ACTION_UNKNOWN, NULL, NULL);
    missing = opp_scopes_missing(intent->app, intent->tool);
    if (missing != NULL)
        return opp_intent_refuse(call, OPP_E_SCOPE_DENIED, NULL, json_pack("{s:o}", "missing", missing));
    return opp_intent_enter(call);
}

static enum opp_code check_payload(struct opp_intent *intent, json_t **normal, json_t **issues, struct opp_err *err)
{
    enum opp_code rc = opp_tool_normalise(intent->tool, intent->payload, normal, err);

    if (rc == OPP_OK)
        rc = opp_schema_validate(intent->tool->input_schema, *normal, issues, err);
    return rc;
}

enum opp_step opp_step_payload(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    struct opp_err err = { 0 };
    json_t *normal = NULL, *issues = NULL;
    enum opp_code rc = check_payload(intent, &normal, &issues, &err);

    json_decref(normal);
    if (rc == OPP_OK)
        return OPP_NEXT;
    if (issues != NULL)
        return opp_intent_refuse(call, OPP_E_ACTION_INVALID, NULL, json_pack("{s:o}", "issues", issues));
    if (rc == OPP_E_VALIDATION || rc == OPP_E_LIMIT)
        return opp_intent_refuse(call, OPP_E_ACTION_INVALID, NULL, opp_call_issue(err.where, err.message));
    return opp_intent_refuse(call, rc, NULL, NULL);
}

static void tool_done(void *arg)
{
    struct opp_call *call = arg;
    struct opp_intent *intent = of(call);

    if (intent->watched)
        call->on_gone(call, NULL, NULL);
    intent->watched = false;
    opp_flow_resume(call);
}

static void give_up(struct opp_call *call, void *arg)
{
    (void)arg;
    of(call)->watched = false;
    opp_tool_abandon(&of(call)->tool_call);
}

enum opp_step opp_intent_await_tool(struct opp_call *call)
{
    struct opp_intent *intent = of(call);

    if (intent->execution == NULL && call->on_gone != NULL && opp_tool_waits(&intent->tool_call)) {
        intent->watched = true;
        call->on_gone(call, give_up, NULL);
    }
    return OPP_WAIT;
}

/* Gives false when memory is out. */
static bool fill_input(struct opp_call *call, struct opp_intent *intent, struct opp_tool_input *input)
{
    const struct opp_app_view *view = opp_app_views_get(call->worker->views, call->registry, intent->app);

    if (view == NULL)
        return false;
    input->tool = intent->tool;
    input->now_ms = opp_call_now_ms(call);
    input->effect_id = intent->effect_id;
    input->actor = json_incref(view->actor);
    input->app = json_incref(view->app);
    input->limits = json_incref(view->limits);
    input->boundary = json_incref(view->boundary);
    return opp_tool_normalise(intent->tool, intent->payload, &input->payload, NULL) == OPP_OK;
}

enum opp_step opp_step_load(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    struct opp_tool_call *tool_call = &intent->tool_call;
    enum opp_code rc;

    forget_found(intent);
    *tool_call = (struct opp_tool_call){ .session = opp_generation_session(call->generation, call->worker->index),
                                         .upstreams = call->worker->upstreams,
                                         .done = tool_done,
                                         .arg = call };
    intent->loaded = true;
    if (intent->effect_id[0] == '\0')
        opp_id_make(intent->effect_id, "eff_", opp_call_now_ms(call));
    if (!fill_input(call, intent, &tool_call->input))
        return opp_intent_refuse(call, OPP_E_MEMORY, NULL, NULL);
    if (intent->asked_at_ms == 0)
        intent->asked_at_ms = tool_call->input.now_ms;
    rc = opp_boundary_range(intent->app->policy.max_days, intent->tool, tool_call->input.payload, intent->asked_at_ms);
    if (rc != OPP_OK)
        return opp_intent_refuse(call, rc, "The date range is longer than this credential may read.", NULL);
    opp_tool_load(tool_call);
    return opp_intent_await_tool(call);
}

/* What the adapter said, as the agent hears it; a defect is for the operator's log and the audit trail alone. */
enum opp_step opp_intent_refuse_tool(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    const struct opp_refusal *refusal = &intent->tool_call.refusal;

    if (refusal->tripped)
        opp_count_trip(call, OPP_TRIP_ADAPTER);
    switch (intent->tool_call.rc) {
    case OPP_E_ABSENT:
        return refuse_resource(call);
    case OPP_E_ACTION_INVALID:
        return opp_intent_refuse(call, OPP_E_ACTION_INVALID, refusal->message,
                                 opp_call_issue(refusal->path, refusal->message));
    case OPP_E_PRECONDITION:
        return opp_intent_refuse_moved(call, refusal->message[0] != '\0' ? refusal->message : NULL,
                                       refusal->reason[0] != '\0' ? refusal->reason : "conflict");
    case OPP_E_EXECUTION_FAILED:
        if (refusal->defect)
            opp_log_event(call->worker->gateway->log, OPP_LOG_ERROR, "adapter.defect", "request_id", call->request_id,
                          "tool", intent->tool->name, "reason", refusal->message, NULL);
        call->retry_after_s = refusal->retry_after_s;
        return opp_intent_refuse(call, OPP_E_EXECUTION_FAILED, NULL, NULL);
    default:
        return opp_intent_refuse(call, intent->tool_call.rc, NULL, NULL);
    }
}

enum opp_step opp_step_admit(struct opp_call *call)
{
    struct opp_intent *intent = of(call);

    if (intent->tool_call.rc != OPP_OK)
        return opp_intent_refuse_tool(call);
    if (!opp_boundary_admits(intent->app, intent->tool_call.resources))
        return refuse_resource(call);
    return OPP_NEXT;
}

enum opp_step opp_step_inspect(struct opp_call *call)
{
    opp_tool_inspect(&of(call)->tool_call);
    return opp_intent_await_tool(call);
}

/* Impact and witness as the agent sees them. */
static enum opp_code make_shown(struct opp_call *call, struct opp_intent *intent)
{
    json_t *fields = opp_redact_fields(intent->app, intent->tool, intent->ruling.redact);
    const struct opp_app_view *view = opp_app_views_get(call->worker->views, call->registry, intent->app);
    enum opp_code rc = fields != NULL && view != NULL ? OPP_OK : OPP_E_MEMORY;

    if (rc == OPP_OK)
        rc = opp_redact(intent->tool_call.impact, fields, OPP_REDACT_IMPACT, NULL, &intent->shown_impact, NULL);
    if (rc == OPP_OK && intent->tool_call.witness != NULL)
        rc = opp_redact(intent->tool_call.witness, fields, OPP_REDACT_WITNESS, view->redact_key, &intent->shown_witness,
                        NULL);
    json_decref(fields);
    return rc;
}

static enum opp_code make_hashes(struct opp_intent *intent)
{
    enum opp_code rc =
        intent->shown_impact != NULL ? hash_named(intent, intent->shown_impact, intent->impact_hash) : OPP_E_MEMORY;

    intent->witness_hash[0] = '\0';
    if (rc == OPP_OK && intent->shown_witness != NULL)
        rc = opp_jcs_hash(intent->shown_witness, intent->witness_hash, NULL);
    if (rc == OPP_OK && intent->phase != OPP_PHASE_PREFLIGHT) /* which keeps no effect */
        rc = opp_jcs_hash(opp_effect_data(intent->tool_call.effect), intent->effect_hash, NULL);
    return rc;
}

/* An export larger than the app may take is refused in every phase. */
static bool export_too_large(const struct opp_intent *intent)
{
    json_int_t rows = json_integer_value(json_object_get(intent->tool_call.impact, "rows"));
    int64_t most = intent->app->auto_execute.high_risk.max_export_rows;

    return intent->tool->exports && rows > (most > 0 ? most : 1000);
}

enum opp_step opp_step_understand(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    enum opp_code rc;

    if (export_too_large(intent))
        return opp_intent_refuse(call, OPP_E_POLICY_DENIED, "The export has more rows than this credential may take.",
                                 NULL);
    rc = make_shown(call, intent);
    if (rc == OPP_OK)
        rc = make_hashes(intent);
    return rc == OPP_OK ? OPP_NEXT : opp_intent_refuse(call, rc, NULL, NULL);
}

/* Under the rules that the draft was judged by, what they looked at is what counts; under others, the whole state. */
static bool same_witness(struct opp_call *call, const struct opp_draft *draft, const struct opp_tool_call *found)
{
    const char *judged_by = opp_json_text(draft->policy, "sha256");
    const char *now = opp_generation_sha256(call->generation);

    if (draft->witness == NULL)
        return draft->witness_hash == NULL;
    if (judged_by != NULL && strcmp(judged_by, now) == 0)
        return opp_json_equal(draft->witness, found->witness);
    return opp_json_equal(draft->state, found->state);
}

enum opp_step opp_step_compare(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    const struct opp_draft *draft = intent->draft;

    if (draft == NULL)
        return OPP_NEXT;
    if (!same_witness(call, draft, &intent->tool_call))
        return opp_intent_refuse_moved(call, "The state has changed since the draft was made.",
                                       "state_witness_mismatch");
    if (!opp_json_equal(draft->impact, intent->tool_call.impact))
        return opp_intent_refuse_moved(call, "The impact is not what was reviewed.", "impact_changed");
    if (!opp_json_equal(draft->effect, opp_effect_data(intent->tool_call.effect)))
        return opp_intent_refuse_moved(call, "The effect is not what was reviewed.", "effect_changed");
    return OPP_NEXT;
}
