/* SPDX-License-Identifier: MIT */
#include "admin/tools.h"

#include "adapter/tool.h"
#include "base/example.h"
#include "core/call.h"
#include "core/generation.h"
#include "core/guard.h"
#include "core/intent.h"
#include "core/judge.h"

static json_t *shape_tool(const struct opp_tool *tool)
{
    return json_pack("{s:s, s:s, s:s, s:O, s:b, s:{s:s, s:s}}", "name", tool->name, "description", tool->description,
                     "risk", opp_risk_name(tool->risk), "requiredScopes", tool->scopes, "requiresConfirmation",
                     opp_judge_confirms(tool), "http", "method", tool->method, "path", tool->path);
}

/* A request that an agent could send: every required field with an example of its type. */
static json_t *example_request(const struct opp_tool *tool)
{
    json_t *payload = json_object(), *properties = json_object_get(tool->input, "properties"), *name;
    size_t index;

    json_array_foreach(json_object_get(tool->input, "required"), index, name)
    {
        const char *field = json_string_value(name);

        json_object_set_new(payload, field, opp_example(json_object_get(properties, field)));
    }
    if (!tool->is_action)
        return json_pack("{s:s, s:s, s:o}", "method", tool->method, "path", tool->path, "query", payload);
    return json_pack("{s:s, s:s, s:{s:s, s:o}}", "method", tool->method, "path", tool->path, "body", "action",
                     tool->name, "payload", payload);
}

static json_t *shape_whole(const struct opp_tool *tool)
{
    json_t *shown = shape_tool(tool);
    json_t *added = json_pack("{s:s, s:s, s:O, s:O?, s:O?, s:o}", "kind", tool->is_action ? "action" : "read",
                              "adapter", tool->adapter, "inputSchema", tool->input, "outputSchema", tool->output,
                              "facts", tool->facts, "example", example_request(tool));

    if (json_object_update(shown, added) != 0) {
        json_decref(shown);
        shown = NULL;
    }
    json_decref(added);
    return shown;
}

/* app NULL: all tools; else those whose scopes it has. */
static json_t *shape_list(const struct opp_adapters *adapters, const struct opp_app_entry *app)
{
    json_t *items = json_array();

    for (size_t i = 0; i < opp_tool_count(adapters); i++) {
        json_t *missing = app != NULL ? opp_scopes_missing(app, opp_tool_at(adapters, i)) : NULL;

        if (missing == NULL)
            json_array_append_new(items, shape_tool(opp_tool_at(adapters, i)));
        json_decref(missing);
    }
    return json_pack("{s:o}", "items", items);
}

static enum opp_step list(struct opp_call *call)
{
    return opp_call_answer(call, shape_list(opp_generation_adapters(call->generation), NULL));
}

static enum opp_step get(struct opp_call *call)
{
    const struct opp_tool *tool = opp_tool_find(opp_generation_adapters(call->generation), call->param(call, "name"));

    if (tool == NULL)
        return opp_call_refuse(call, OPP_E_NOT_FOUND, NULL, NULL);
    return opp_call_answer(call, shape_whole(tool));
}

static enum opp_step of_app(struct opp_call *call)
{
    const struct opp_app_entry *app = opp_registry_app(call->registry, call->param(call, "id"));

    if (app == NULL || app->record->deleted_at != 0 || !opp_guard_sees_org(call->admin, app->record->org_id))
        return opp_call_refuse(call, OPP_E_NOT_FOUND, NULL, NULL);
    return opp_call_answer(call, shape_list(opp_generation_adapters(call->generation), app));
}

static const opp_step_fn LIST_STEPS[] = { list, NULL }, GET_STEPS[] = { get, NULL }, APP_STEPS[] = { of_app, NULL };

const struct opp_flow OPP_FLOW_TOOL_LIST = { LIST_STEPS, 0, NULL, NULL };
const struct opp_flow OPP_FLOW_TOOL_GET = { GET_STEPS, 0, NULL, NULL };
const struct opp_flow OPP_FLOW_APP_TOOLS = { APP_STEPS, 0, NULL, NULL };
