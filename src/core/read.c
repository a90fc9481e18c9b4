/* SPDX-License-Identifier: MIT */
#include "core/read.h"

#include "base/json.h"
#include "core/boundary.h"
#include "core/gateway.h"
#include "core/intent.h"

struct reading {
    struct opp_intent intent; /* first: the shared steps find it */
    struct opp_buf out;
};

static struct reading *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_step find_tool(struct opp_call *call)
{
    const struct opp_read_route *route = call->route;
    struct opp_intent *intent = &of(call)->intent;
    json_t *missing;

    intent->tool = route->tool;
    call->audit.action = route->audit_action;
    missing = opp_scopes_missing(call->app, intent->tool);
    if (missing != NULL)
        return opp_call_refuse(call, OPP_E_SCOPE_DENIED, NULL, json_pack("{s:o}", "missing", missing));
    return OPP_NEXT;
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
    if (rc == OPP_OK)
        rc = opp_intent_set(intent, intent->tool->name, json_incref(query), call->app);
    json_decref(query);
    if (rc == OPP_OK)
        return OPP_NEXT;
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

static enum opp_step read(struct opp_call *call)
{
    struct reading *reading = of(call);
    struct opp_read_options options = { .redact = !call->app->policy.allow_sensitive_fields,
                                        .check = check_rows,
                                        .arg = call };

    opp_tool_read(&reading->intent.tool_call, &options, &reading->out);
    return OPP_WAIT;
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

    opp_buf_free(&reading->out);
    opp_intent_clear(&reading->intent);
}

static const opp_step_fn STEPS[] = { find_tool, check_query, opp_step_load, opp_step_admit, read, answer, NULL };

const struct opp_flow OPP_FLOW_READ = { STEPS, sizeof(struct reading), dispose, NULL };
