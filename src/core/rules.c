/* SPDX-License-Identifier: MIT */
#include "core/rules.h"

#include "base/clock.h"
#include "base/jcs.h"
#include "core/app_view.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/intent.h"
#include "core/recent.h"
#include "core/told.h"
#include "policy/engine.h"

#include <stdio.h>
#include <string.h>

_Static_assert(OPP_POLICY_REASON_MAX <= OPP_MESSAGE_MAX, "a reason that is cut may end within a character");

#define FAILED_REASON "A policy rule failed."

static struct opp_policy_engine *engine_of(struct opp_call *call)
{
    return opp_generation_engine(call->generation, call->worker->index);
}

/* No rule speaks: the core and the app's settings decide alone. */
static void say_nothing(struct opp_policy_decision *out)
{
    *out = (struct opp_policy_decision){ .max_rows = -1, .max_days = -1, .window_open = true };
}

static bool speaks(struct opp_call *call, const struct opp_tool *tool)
{
    return opp_policy_bundle_speaks(opp_generation_bundle(call->generation), tool->name);
}

static json_t *show_caller(struct opp_call *call, const struct opp_tool *tool, const struct opp_app_entry *app,
                           enum opp_phase phase)
{
    struct opp_shown shown;

    opp_shown_fill(&shown, call, tool, app->record, phase);
    return opp_shown_json(&shown, opp_app_views_get(call->worker->views, call->registry, app));
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

/* What the rules ask to be counted is kept with their decision. */
struct asking {
    struct opp_call *call;
    struct opp_buf recent; /* "[tool,seconds,count]," each */
};

static int64_t count_recent(void *arg, const char *tool, int64_t seconds)
{
    struct asking *asking = arg;
    int64_t count = opp_recent_count(asking->call, tool, seconds);

    opp_buf_char(&asking->recent, '[');
    if (tool != NULL)
        opp_jcs_string(&asking->recent, tool, strlen(tool));
    else
        opp_buf_text(&asking->recent, "null");
    opp_buf_format(&asking->recent, ",%lld,%lld],", (long long)seconds, (long long)count);
    return count;
}

/* shown is lent. */
static void decide(struct asking *asking, const struct opp_tool *tool, enum opp_phase phase, json_t *shown,
                   struct opp_policy_decision *out)
{
    struct opp_call *call = asking->call;
    struct opp_policy_request request = { .phase = phase,
                                          .tool = tool->name,
                                          .request = shown,
                                          .now_s = opp_call_now_ms(call) / 1000,
                                          .skip_windows = phase == OPP_PHASE_READ || phase == OPP_PHASE_APPROVE,
                                          .watched = tool->sensitive,
                                          .recent = phase == OPP_PHASE_DISCOVER ? NULL : count_recent,
                                          .arg = asking };

    *out = (struct opp_policy_decision){ 0 };
    opp_policy_decide(engine_of(call), &request, out);
    if (out->failed)
        note_failure(call, out);
}

/* Takes shown. */
static void discover(struct opp_call *call, const struct opp_tool *tool, json_t *shown, struct opp_policy_decision *out)
{
    struct asking asking = { .call = call };

    decide(&asking, tool, OPP_PHASE_DISCOVER, shown, out);
    json_decref(shown);
}

void opp_rules_look(struct opp_call *call, const struct opp_tool *tool, struct opp_policy_decision *out)
{
    say_nothing(out);
    if (speaks(call, tool))
        discover(call, tool, show_caller(call, tool, call->app, OPP_PHASE_DISCOVER), out);
    opp_count_decision(call, OPP_PHASE_DISCOVER, out);
}

static enum opp_step refuse(struct opp_call *call, const struct opp_policy_decision *decision)
{
    const char *reason = decision->failed ? FAILED_REASON : decision->reason; /* who denies says why */

    return opp_intent_refuse(call, OPP_E_POLICY_DENIED, reason,
                             decision->tag[0] != '\0' ? json_pack("{s:s}", "tag", decision->tag) : NULL);
}

enum opp_step opp_rules_discover(struct opp_call *call, const struct opp_tool *tool)
{
    struct opp_policy_decision *offer = &((struct opp_intent *)call->state)->offer;
    const struct opp_intent *intent = call->state;

    opp_policy_decision_clear(offer);
    say_nothing(offer);
    if (speaks(call, tool)) {
        discover(call, tool, show_caller(call, tool, intent->app != NULL ? intent->app : call->app, OPP_PHASE_DISCOVER),
                 offer);
        keep(call, offer);
    }
    opp_count_decision(call, OPP_PHASE_DISCOVER, offer);
    return offer->outcome == OPP_OUTCOME_DENY ? refuse(call, offer) : OPP_NEXT;
}

/* What is listed as a draft is one: who read the manifest was told so. */
static void hold_to_offer(const struct opp_policy_decision *offer, struct opp_policy_decision *ruling)
{
    json_t *reasons;

    if (offer->outcome != OPP_OUTCOME_DRAFT || ruling->outcome != OPP_OUTCOME_ALLOW)
        return;
    reasons = json_copy(offer->reasons);
    json_array_extend(reasons, ruling->reasons);
    json_decref(ruling->reasons);
    ruling->reasons = reasons;
    ruling->outcome = OPP_OUTCOME_DRAFT;
    ruling->spoke = true;
    snprintf(ruling->reason, sizeof ruling->reason, "%s", offer->reason);
}

/* Asks the rules of the tool, and says so; what they said, or that there are none, is told to the staging thread. */
static void judge(struct opp_call *call, const struct opp_intent *intent, enum opp_phase phase,
                  struct opp_policy_decision *ruling)
{
    struct asking asking = { .call = call };
    struct opp_telling telling = { .phase = phase, .tool = intent->tool, .ruling = ruling, .recent = &asking.recent };
    json_t *shown = NULL;
    int64_t begun_ns = opp_monotonic_ns();

    if (speaks(call, intent->tool)) {
        shown = show_caller(call, intent->tool, intent->app, phase);
        opp_shown_add_intent(shown, call, intent, phase);
        decide(&asking, intent->tool, phase, shown, ruling);
    }
    telling.request = shown;
    telling.took_ns = opp_monotonic_ns() - begun_ns;
    opp_count_decision(call, phase, ruling);
    opp_told_decision(call, &telling);
    json_decref(shown);
    opp_buf_free(&asking.recent);
}

enum opp_step opp_rules_judge(struct opp_call *call, enum opp_phase phase)
{
    struct opp_intent *intent = call->state;
    struct opp_policy_decision *ruling = &intent->ruling;

    opp_policy_decision_clear(ruling);
    say_nothing(ruling);
    judge(call, intent, phase, ruling);
    if (phase != OPP_PHASE_READ)
        hold_to_offer(&intent->offer, ruling);
    if (speaks(call, intent->tool))
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
    joined = json_copy(found->witness); /* what has a state has a witness */
    json_object_set_new(joined, "rules", facts);
    json_decref(found->witness);
    found->witness = joined;
    return OPP_OK;
}

enum opp_step opp_step_rules(struct opp_call *call)
{
    struct opp_intent *intent = call->state;
    struct opp_policy_decision failed = { .failed = true, .outcome = OPP_OUTCOME_DENY };
    struct opp_buf none = { 0 };
    struct opp_telling telling = { .phase = intent->phase, .tool = intent->tool, .ruling = &failed, .recent = &none };
    enum opp_code rc;

    if (intent->tool_call.rc != OPP_OK)
        return opp_intent_refuse_tool(call);
    rc = join_facts(call, intent, &failed.error);
    if (rc != OPP_OK) {
        opp_count_decision(call, intent->phase, &failed);
        note_failure(call, &failed);
        keep(call, &failed);
        opp_told_decision(call, &telling);
        return refuse(call, &failed);
    }
    return opp_rules_judge(call, intent->phase);
}

int64_t opp_rules_approvals(const struct opp_policy_decision *ruling, int64_t required)
{
    return ruling->approvals > required ? ruling->approvals : required;
}
