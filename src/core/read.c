/* SPDX-License-Identifier: MIT */
#include "core/read.h"

#include "base/json.h"
#include "base/reserve.h"
#include "core/boundary.h"
#include "core/gateway.h"
#include "core/intent.h"
#include "core/redact.h"
#include "core/rules.h"

#include <stdlib.h>

struct reading {
    struct opp_intent intent; /* first: the shared steps find it */
    struct opp_buf out;
    struct opp_read_options options;
    json_t *redacted;   /* field → what is shown instead */
    const char **pairs; /* the same for printing; the second of each pair is ours */
};

static struct reading *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_step find_tool(struct opp_call *call)
{
    struct opp_intent *intent = &of(call)->intent;
    json_t *missing;

    intent->tool = call->read;
    call->audit.action = call->read->audit_action;
    missing = opp_scopes_missing(call->app, intent->tool);
    if (missing != NULL)
        return opp_call_refuse(call, OPP_E_SCOPE_DENIED, NULL, json_pack("{s:o}", "missing", missing));
    return opp_intent_enter(call);
}

/* The query as the tool's schema wants it. */
static enum opp_code read_query(struct opp_call *call, json_t **query, json_t **issues, struct opp_err *err)
{
    const struct opp_tool *tool = of(call)->intent.tool;
    json_t *normal = NULL;
    enum opp_code rc = opp_tool_normalise(tool, call->input, &normal, err);

    if (rc == OPP_OK)
        rc = opp_schema_coerce(tool->input_schema, normal, query, err);
    if (rc == OPP_OK)
        rc = opp_schema_validate(tool->input_schema, *query, issues, err);
    json_decref(normal);
    return rc;
}

static enum opp_step check_query(struct opp_call *call)
{
    struct opp_intent *intent = &of(call)->intent;
    struct opp_err err = { 0 };
    json_t *query = NULL, *issues = NULL;
    enum opp_code rc;

    if (opp_call_check_input(call, OPP_SCHEMA_READ) == OPP_DONE)
        return OPP_DONE;
    rc = read_query(call, &query, &issues, &err);
    if (rc == OPP_OK) { /* without a hash: nothing is bound to what is read */
        intent->action = intent->tool->name;
        intent->payload = query;
        opp_intent_set_app(intent, call->app);
        return OPP_NEXT;
    }
    json_decref(query);
    if (issues != NULL)
        return opp_call_refuse(call, OPP_E_VALIDATION, NULL, json_pack("{s:o}", "issues", issues));
    if (rc == OPP_E_VALIDATION || rc == OPP_E_LIMIT)
        return opp_call_refuse_field(call, OPP_E_VALIDATION, err.where, err.message);
    return opp_call_refuse(call, rc, NULL, NULL);
}

static enum opp_code check_rows(void *arg, const struct opp_tool *tool, const struct opp_rows *rows, size_t first,
                                size_t count)
{
    struct opp_call *call = arg;

    return opp_boundary_admits_rows(call->app, tool, rows, first, count) ? OPP_OK : OPP_E_INTERNAL;
}

/* What the tool sees of the app's limits is the registry's own: a rule's limit goes into a copy. */
static enum opp_step tell_max_rows(struct opp_call *call, int64_t max_rows)
{
    struct opp_tool_input *input = &of(call)->intent.tool_call.input;
    json_t *limits = json_copy(input->limits);

    if (json_object_set_new(limits, "max_rows", json_integer(max_rows)) != 0) {
        json_decref(limits);
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    }
    json_decref(input->limits);
    input->limits = limits;
    return OPP_NEXT;
}

/* The rules judge the read; what they bound is told to the tool, and rows of a database are held to it whether it
 * listens or not. */
static enum opp_step judge(struct opp_call *call)
{
    struct opp_intent *intent = &of(call)->intent;
    const struct opp_policy_decision *ruling = &intent->ruling;
    enum opp_step step = opp_rules_judge(call, OPP_PHASE_READ);

    if (step == OPP_DONE)
        return step;
    if (ruling->max_days > 0 && opp_boundary_range(ruling->max_days, intent->tool, intent->tool_call.input.payload,
                                                   opp_call_now_ms(call)) != OPP_OK)
        return opp_call_refuse(call, OPP_E_POLICY_DENIED, "The date range is longer than a rule permits.", NULL);
    if (ruling->max_rows == 0)
        return opp_call_refuse(call, OPP_E_POLICY_DENIED, "A rule permits no rows.", NULL);
    return ruling->max_rows > 0 ? tell_max_rows(call, ruling->max_rows) : OPP_NEXT;
}

/* Gives what printing needs of the fields that are not shown; false when memory is out. */
static bool make_pairs(struct opp_call *call)
{
    struct reading *reading = of(call);
    const char *name;
    json_t *instead;
    size_t at = 0;

    reading->redacted = opp_redact_fields(call->app, reading->intent.tool, reading->intent.ruling.redact);
    reading->pairs = calloc(2 * json_object_size(reading->redacted) + 1, sizeof *reading->pairs);
    if (reading->redacted == NULL || reading->pairs == NULL)
        return false;
    json_object_foreach(reading->redacted, name, instead)
    {
        reading->pairs[at] = name;
        reading->pairs[at + 1] = json_dumps(instead, JSON_ENCODE_ANY | JSON_COMPACT);
        if (reading->pairs[at + 1] == NULL)
            return false;
        at += 2;
    }
    return true;
}

static enum opp_step read(struct opp_call *call)
{
    struct reading *reading = of(call);
    const struct opp_policy_decision *ruling = &reading->intent.ruling;

    reading->options = (struct opp_read_options){ .check = check_rows, .arg = call };
    if (ruling->max_rows > 0)
        reading->options.max_rows = (size_t)ruling->max_rows;
    if (!call->app->policy.allow_sensitive_fields || ruling->redact != NULL) {
        if (!make_pairs(call))
            return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
        reading->options.redacted = (const char *const *)reading->pairs;
    }
    opp_tool_read(&reading->intent.tool_call, &reading->options, &reading->out);
    return opp_intent_await_tool(call);
}

static enum opp_step answer(struct opp_call *call)
{
    struct reading *reading = of(call);
    struct opp_reply reply = { .code = OPP_OK };

    if (reading->intent.tool_call.rc != OPP_OK) {
        if (reading->intent.tool_call.rc == OPP_E_INTERNAL)
            opp_log_event(call->worker->gateway->log, OPP_LOG_ERROR, "adapter.boundary", "request_id", call->request_id,
                          "tool", reading->intent.tool->name, NULL);
        return opp_intent_refuse_tool(call);
    }
    reply.bytes = reading->out;
    reading->out = (struct opp_buf){ 0 };
    return opp_call_reply(call, &reply);
}

static void dispose(void *state)
{
    struct reading *reading = state;

    for (size_t i = 0; reading->pairs != NULL && reading->pairs[i] != NULL; i += 2)
        opp_reserve_free((void *)(uintptr_t)reading->pairs[i + 1]);
    free(reading->pairs);
    json_decref(reading->redacted);
    opp_buf_free(&reading->out);
    opp_intent_clear(&reading->intent);
}

static const opp_step_fn STEPS[] = { find_tool, check_query, opp_step_load, opp_step_admit, judge, read, answer, NULL };

const struct opp_flow OPP_FLOW_READ = { STEPS, sizeof(struct reading), dispose, NULL };
