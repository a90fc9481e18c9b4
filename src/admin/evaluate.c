/* SPDX-License-Identifier: MIT */
#include "admin/policies.h"

#include "core/call.h"
#include "core/evaluate.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/policy_load.h"

/* A profile that is not in force has to be loaded, and rules may use up their budget: on a thread of its own. */
struct evaluating {
    struct opp_evaluation evaluation;
    const char *profile; /* NULL: what is in force */
    struct opp_generation *loaded;
    struct opp_load_report report;
    enum opp_code rc;
    struct opp_err err;
    json_t *answer;
};

static enum opp_code load(struct evaluating *evaluating)
{
    struct opp_gateway *gateway = evaluating->evaluation.gateway;
    struct opp_policies_wanted wanted = { .loaded_at_ms = opp_clock_now_ms(gateway->clock) };
    struct opp_sources sources = { 0 };
    enum opp_code rc = opp_policies_read_rules(gateway, evaluating->profile, &sources, &evaluating->err);

    if (rc == OPP_OK)
        rc = opp_policies_make(gateway, &sources, &wanted, &evaluating->report, &evaluating->loaded, &evaluating->err);
    evaluating->evaluation.generation = evaluating->loaded;
    return rc == OPP_E_IO ? OPP_E_CONFIG : rc; /* a file that cannot be read is an issue like others */
}

static void evaluate(struct opp_call *call)
{
    struct evaluating *evaluating = call->state;

    evaluating->rc = evaluating->profile != NULL ? load(evaluating) : OPP_OK;
    if (evaluating->rc == OPP_OK)
        evaluating->rc = opp_evaluate(&evaluating->evaluation, &evaluating->answer, &evaluating->err);
}

static enum opp_step start(struct opp_call *call)
{
    struct evaluating *evaluating = call->state;

    if (opp_call_check_input(call, OPP_SCHEMA_EVALUATE) != OPP_NEXT)
        return OPP_DONE;
    evaluating->profile = opp_call_text(call, "profile");
    evaluating->evaluation = (struct opp_evaluation){ .gateway = call->worker->gateway,
                                                      .generation = call->generation,
                                                      .registry = call->registry,
                                                      .admin = call->admin,
                                                      .request = json_object_get(call->input, "request"),
                                                      .safeguards = json_object_get(call->input, "safeguards"),
                                                      .request_id = opp_call_text(call, "request_id"),
                                                      .phase = opp_call_text(call, "phase") };
    return opp_flow_aside(call, evaluate);
}

static enum opp_step refuse(struct opp_call *call)
{
    struct evaluating *evaluating = call->state;
    const struct opp_err *err = &evaluating->err;
    json_t *issues;

    switch (evaluating->rc) {
    case OPP_E_ABSENT:
        return opp_call_refuse(call, OPP_E_NOT_FOUND, "No decision of that request is in the log.", NULL);
    case OPP_E_VALIDATION:
        return opp_call_refuse_field(call, OPP_E_VALIDATION, err->where, err->message);
    case OPP_E_CONFIG:
        issues = opp_load_issues(&evaluating->report);
        if (json_array_size(issues) == 0)
            json_array_append_new(issues,
                                  json_pack("{s:s, s:i, s:s}", "file", err->where, "line", 0, "message", err->message));
        return opp_call_refuse(call, OPP_E_VALIDATION, "The policies do not load.",
                               json_pack("{s:o}", "issues", issues));
    default:
        return opp_call_fail(call, evaluating->rc, err);
    }
}

static enum opp_step answer(struct opp_call *call)
{
    struct evaluating *evaluating = call->state;
    json_t *shown = evaluating->answer;

    if (evaluating->rc != OPP_OK)
        return refuse(call);
    evaluating->answer = NULL;
    return opp_call_answer(call, shown);
}

static void dispose(void *state)
{
    struct evaluating *evaluating = state;

    json_decref(evaluating->answer);
    opp_load_report_clear(&evaluating->report);
    opp_generation_unpin(evaluating->loaded);
}

static const opp_step_fn EVALUATE_STEPS[] = { start, answer, NULL };
const struct opp_flow OPP_FLOW_EVALUATE = { EVALUATE_STEPS, sizeof(struct evaluating), dispose, NULL };
