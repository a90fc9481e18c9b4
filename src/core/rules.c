/* SPDX-License-Identifier: MIT */
#include "core/rules.h"

#include "base/json.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/intent.h"
#include "core/recent.h"
#include "core/shape.h"
#include "policy/engine.h"

#include <stdio.h>

_Static_assert(OPP_POLICY_REASON_MAX <= OPP_MESSAGE_MAX, "a reason that is cut may end within a character");

#define FAILED_REASON "A policy rule failed."

static struct opp_policy_engine *engine_of(struct opp_call *call)
{
    return opp_generation_engine(call->generation, call->worker->index);
}

/* No rule speaks: the core and the app's settings decide alone. */
static enum opp_step say_nothing(struct opp_call *call, enum opp_phase phase, struct opp_policy_decision *out)
{
    *out = (struct opp_policy_decision){ .max_rows = -1, .max_days = -1, .window_open = true };
    opp_count_decision(call, phase, out);
    return OPP_NEXT;
}

static bool speaks(struct opp_call *call, const struct opp_tool *tool)
{
    return opp_policy_bundle_speaks(opp_generation_bundle(call->generation), tool->name);
}

static json_t *show_tool(const struct opp_tool *tool)
{
    return json_pack("{s:s, s:s, s:s, s:O}", "name", tool->name, "kind", tool->is_action ? "action" : "read", "risk",
                     opp_risk_name(tool->risk), "scopes", tool->scopes);
}

/* What every phase shows. The key and the person are the agent's, also when another decides on its draft. */
static json_t *show_caller(struct opp_call *call, const struct opp_tool *tool, const struct opp_app_entry *app,
                           enum opp_phase phase)
{
    const struct opp_app *record = app->record;
    bool workspace = record->service_user_id != NULL;
    const char *key_id = call->key != NULL ? call->key->record->id : call->audit.key_id;
    const char *key_name = call->key != NULL ? call->key->record->name : NULL;

    return json_pack("{s:s, s:o, s:{s:s, s:s, s:s, s:s?, s:O, s:O}, s:{s:s?, s:s?}, s:{s:s?}, s:s, s:I}", "phase",
                     opp_phase_name(phase), "tool", show_tool(tool), "app", "id", record->id, "name", record->name,
                     "scope", record->scope, "org_id", record->org_id, "scopes", record->scopes, "policy",
                     record->policy, "key", "id", key_id, "name", key_name, "actor", "user_id",
                     workspace ? record->service_user_id : record->user_id, "ip", call->ip, "now",
                     (json_int_t)(opp_call_now_ms(call) / 1000));
}

static json_t *or_empty(json_t *value)
{
    return value != NULL ? json_incref(value) : json_object();
}

static json_t *show_draft(const struct opp_draft *draft)
{
    json_t *by = json_array(), *approval;
    size_t index;

    json_array_foreach(draft->approvals, index, approval)
    {
        json_array_append(by, json_object_get(approval, "user_id"));
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "id", draft->id, "created_at",
                     (json_int_t)(draft->created_at / 1000), "expires_at", (json_int_t)(draft->expires_at / 1000),
                     "approvals_required", (json_int_t)draft->approvals_required, "approvals_given",
                     (json_int_t)opp_approvals_given(draft), "approved_by", by);
}

static void add(json_t *request, const char *name, json_t *value)
{
    json_object_set_new(request, name, value);
}

/* The members of the phases build on each other, as the table in docs/policies.md has them. */
static json_t *show_intent(struct opp_call *call, const struct opp_intent *intent, enum opp_phase phase)
{
    const struct opp_tool_call *found = &intent->tool_call;
    json_t *request = show_caller(call, intent->tool, intent->app, phase);
    const char *justification = opp_call_text(call, "justification");

    add(request, "payload", json_incref(found->input.payload));
    add(request, "resources", found->resources != NULL ? json_incref(found->resources) : json_array());
    if (phase == OPP_PHASE_READ)
        return request;
    add(request, "impact", or_empty(found->impact));
    add(request, "state", or_empty(found->state));
    if (phase == OPP_PHASE_PREFLIGHT)
        return request;
    if (intent->draft != NULL && intent->draft->justification != NULL)
        justification = intent->draft->justification;
    add(request, "justification", justification != NULL ? json_string(justification) : json_null());
    add(request, "execute",
        json_boolean(intent->draft != NULL ? intent->draft->auto_execute_requested
                                           : opp_json_true(call->input, "execute")));
    if (phase == OPP_PHASE_ACTION)
        return request;
    if (intent->draft != NULL)
        add(request, "draft", show_draft(intent->draft));
    if (phase == OPP_PHASE_APPROVE)
        add(request, "reviewer", json_pack("{s:s, s:O}", "user_id", call->admin->user_id, "roles", call->admin->roles));
    return request;
}

/* An operator sees each failing rule; a busy one does not flood the log. */
static void note_failure(struct opp_call *call, const struct opp_policy_decision *decision)
{
    const char *where = decision->error.where[0] != '\0' ? decision->error.where : decision->failed_rule;

    if (opp_generation_note_error(call->generation, decision->failed_rule, where != NULL ? where : "",
                                  decision->error.message))
        opp_log_event(call->worker->gateway->log, OPP_LOG_WARN, "policy.rule_failed", "where", where, "rule",
                      decision->failed_rule, "message", decision->error.message, "request_id", call->request_id, NULL);
}

/* Why it failed is for operators. Gives [{rule, outcome, error}]. */
static json_t *show_failure(const struct opp_policy_decision *decision)
{
    char error[OPP_POLICY_REASON_MAX];

    snprintf(error, sizeof error, "%s%s%s", decision->error.where, decision->error.where[0] != '\0' ? ": " : "",
             decision->error.message);
    return json_pack("[{s:s?, s:s, s:s}]", "rule", decision->failed_rule, "outcome", "deny", "error", error);
}

/* For the audit trail: what the rules said last. */
static void keep(struct opp_call *call, const struct opp_policy_decision *decision)
{
    json_decref(call->rules);
    call->rules = decision->failed ? show_failure(decision) : json_incref(decision->reasons);
}

static void decide(struct opp_call *call, const struct opp_tool *tool, enum opp_phase phase, json_t *shown,
                   struct opp_policy_decision *out)
{
    struct opp_policy_request request = { .phase = phase,
                                          .tool = tool->name,
                                          .request = shown,
                                          .now_s = opp_call_now_ms(call) / 1000,
                                          .skip_windows = phase == OPP_PHASE_READ || phase == OPP_PHASE_APPROVE,
                                          .recent = phase == OPP_PHASE_DISCOVER ? NULL : opp_recent_count,
                                          .arg = call };

    *out = (struct opp_policy_decision){ 0 };
    opp_policy_decide(engine_of(call), &request, out);
    opp_count_decision(call, phase, out);
    if (out->failed)
        note_failure(call, out);
    json_decref(shown);
}

static void judge(struct opp_call *call, const struct opp_tool *tool, enum opp_phase phase, json_t *shown,
                  struct opp_policy_decision *out)
{
    decide(call, tool, phase, shown, out);
    keep(call, out);
}

void opp_rules_look(struct opp_call *call, const struct opp_tool *tool, struct opp_policy_decision *out)
{
    if (speaks(call, tool))
        decide(call, tool, OPP_PHASE_DISCOVER, show_caller(call, tool, call->app, OPP_PHASE_DISCOVER), out);
    else
        say_nothing(call, OPP_PHASE_DISCOVER, out);
}

static enum opp_step refuse(struct opp_call *call, const struct opp_policy_decision *decision)
{
    const char *reason = decision->failed || decision->reason[0] == '\0' ? FAILED_REASON : decision->reason;
    const char *tag = decision->failed || decision->tag[0] == '\0' ? NULL : decision->tag;

    return opp_intent_refuse(call, OPP_E_POLICY_DENIED, reason, tag != NULL ? json_pack("{s:s}", "tag", tag) : NULL);
}

enum opp_step opp_rules_discover(struct opp_call *call, const struct opp_tool *tool)
{
    struct opp_policy_decision *offer = &((struct opp_intent *)call->state)->offer;
    const struct opp_intent *intent = call->state;

    opp_policy_decision_clear(offer);
    if (!speaks(call, tool))
        return say_nothing(call, OPP_PHASE_DISCOVER, offer);
    judge(call, tool, OPP_PHASE_DISCOVER,
          show_caller(call, tool, intent->app != NULL ? intent->app : call->app, OPP_PHASE_DISCOVER), offer);
    return offer->outcome == OPP_OUTCOME_DENY ? refuse(call, offer) : OPP_NEXT;
}

/* What is listed as a draft is one: who read the manifest was told so. False: no memory. */
static bool hold_to_offer(const struct opp_policy_decision *offer, struct opp_policy_decision *ruling)
{
    json_t *reasons;

    if (offer->outcome != OPP_OUTCOME_DRAFT || ruling->outcome != OPP_OUTCOME_ALLOW)
        return true;
    reasons = json_copy(offer->reasons);
    if (reasons == NULL || (ruling->reasons != NULL && json_array_extend(reasons, ruling->reasons) != 0)) {
        json_decref(reasons);
        return false;
    }
    json_decref(ruling->reasons);
    ruling->reasons = reasons;
    ruling->outcome = OPP_OUTCOME_DRAFT;
    ruling->spoke = true;
    snprintf(ruling->reason, sizeof ruling->reason, "%s", offer->reason);
    return true;
}

enum opp_step opp_rules_judge(struct opp_call *call, enum opp_phase phase)
{
    struct opp_intent *intent = call->state;
    struct opp_policy_decision *ruling = &intent->ruling;

    opp_policy_decision_clear(ruling);
    if (!speaks(call, intent->tool))
        return say_nothing(call, phase, ruling);
    decide(call, intent->tool, phase, show_intent(call, intent, phase), ruling);
    if (phase != OPP_PHASE_READ && !hold_to_offer(&intent->offer, ruling))
        return opp_intent_refuse(call, OPP_E_MEMORY, NULL, NULL);
    keep(call, ruling);
    return ruling->outcome == OPP_OUTCOME_DENY ? refuse(call, ruling) : OPP_NEXT;
}

/* A rule's facts join what is bound; none takes anything away. */
static enum opp_code join_facts(struct opp_call *call, struct opp_intent *intent, struct opp_err *err)
{
    struct opp_tool_call *found = &intent->tool_call;
    json_t *facts = NULL, *joined;
    enum opp_code rc;

    if (found->state == NULL || !speaks(call, intent->tool))
        return OPP_OK;
    rc = opp_policy_witness(engine_of(call), intent->tool->name, found->state, found->input.payload, &facts, err);
    if (rc != OPP_OK || facts == NULL)
        return rc;
    joined = found->witness != NULL ? json_copy(found->witness) : json_object();
    if (json_object_set_new(joined, "rules", facts) != 0) {
        json_decref(joined);
        return OPP_E_MEMORY;
    }
    json_decref(found->witness);
    found->witness = joined;
    return OPP_OK;
}

enum opp_step opp_step_rules(struct opp_call *call)
{
    struct opp_intent *intent = call->state;
    struct opp_policy_decision failed = { .outcome = OPP_OUTCOME_DENY, .failed = true };
    enum opp_code rc;

    if (intent->tool_call.rc != OPP_OK)
        return opp_intent_refuse_tool(call);
    rc = join_facts(call, intent, &failed.error);
    if (rc == OPP_E_MEMORY)
        return opp_intent_refuse(call, rc, NULL, NULL);
    if (rc != OPP_OK) {
        opp_count_decision(call, intent->phase, &failed);
        note_failure(call, &failed);
        keep(call, &failed);
        return refuse(call, &failed);
    }
    return opp_rules_judge(call, intent->phase);
}

int64_t opp_rules_approvals(const struct opp_policy_decision *ruling, int64_t required)
{
    return ruling->approvals > required ? ruling->approvals : required;
}
