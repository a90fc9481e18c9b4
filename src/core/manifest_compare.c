/* SPDX-License-Identifier: MIT */
#include "core/manifest_compare.h"

#include "adapter/tool.h"
#include "base/clock.h"
#include "core/app_view.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/guard.h"
#include "core/intent.h"
#include "core/rejudge.h"
#include "core/ruling.h"
#include "core/shown.h"
#include "core/tally.h"
#include "policy/engine.h"

#include <string.h>

#define TIME_MS 20

struct comparing {
    struct opp_call *call;
    struct opp_policy_engine *active, *staged;
    struct opp_tally *tally;
    int64_t end_ms; /* monotonic */
};

static bool has_scopes(const struct opp_app_entry *app, const struct opp_tool *tool)
{
    json_t *missing = opp_scopes_missing(app, tool);

    json_decref(missing);
    return missing == NULL;
}

/* What a manifest says is as an action without obligations; of a read only whether it is there. */
static enum opp_code compare(struct comparing *comparing, const struct opp_tool *tool,
                             const struct opp_rejudged_input *input)
{
    struct opp_rejudged from = { 0 }, to = { 0 };
    enum opp_code rc = opp_rejudge(comparing->active, input, &from);

    if (rc == OPP_OK)
        rc = opp_rejudge(comparing->staged, input, &to);
    if (rc == OPP_OK && strcmp(from.verdict.bytes, to.verdict.bytes) != 0) { /* a rule that fails hides the tool */
        bool looser = to.ruling.outcome < from.ruling.outcome;
        struct opp_compared compared = { .tool = tool->name,
                                         .phase = opp_phase_name(OPP_PHASE_DISCOVER),
                                         .request_id = comparing->call->request_id,
                                         .app_id = input->app_id,
                                         .at_ms = input->core.now_ms,
                                         .from = from.verdict.bytes,
                                         .to = to.verdict.bytes,
                                         .rule = opp_ruling_rule(looser ? &from.ruling : &to.ruling) };

        rc = opp_tally_add(comparing->tally, &compared);
    }
    opp_rejudged_clear(&from);
    opp_rejudged_clear(&to);
    return rc;
}

static enum opp_code compare_tool(struct comparing *comparing, const struct opp_app_entry *app,
                                  const struct opp_tool *tool)
{
    const struct opp_call *call = comparing->call;
    struct opp_shown shown = {
        .phase = OPP_PHASE_DISCOVER, .tool = tool, .app = app->record, .ip = call->ip, .now_ms = opp_call_now_ms(call)
    };
    const struct opp_app_view *view = opp_app_views_get(call->worker->views, call->registry, app);
    struct opp_rejudged_input input = { .app_id = app->record->id, .request = opp_shown_json(&shown, view) };
    enum opp_code rc = input.request != NULL ? OPP_OK : OPP_E_MEMORY;

    input.core =
        (struct opp_core_part){ .phase = OPP_PHASE_DISCOVER, .now_ms = shown.now_ms, .reads = !tool->is_action };
    opp_core_part_of_app(&input.core, app, tool, &call->worker->gateway->settings);
    json_decref(input.core.redact);
    input.core.redact = NULL;
    if (rc == OPP_OK)
        rc = compare(comparing, tool, &input);
    json_decref(input.request);
    return rc;
}

static bool speaks(const struct comparing *comparing, const struct opp_tool *tool)
{
    return opp_policy_bundle_speaks(opp_policy_engine_bundle(comparing->active), tool->name) ||
           opp_policy_bundle_speaks(opp_policy_engine_bundle(comparing->staged), tool->name);
}

static bool is_late(const struct comparing *comparing)
{
    return opp_monotonic_ms() > comparing->end_ms;
}

/* Until time is up: one rule can take as long as its budget is. */
static enum opp_code compare_app(struct comparing *comparing, const struct opp_app_entry *app)
{
    const struct opp_adapters *adapters = opp_generation_adapters(comparing->call->generation);
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < opp_tool_count(adapters) && !is_late(comparing); i++) {
        const struct opp_tool *tool = opp_tool_at(adapters, i);

        if (speaks(comparing, tool) && has_scopes(app, tool))
            rc = compare_tool(comparing, app, tool);
    }
    return rc;
}

static bool is_shown(const struct opp_call *call, const struct opp_app_entry *app)
{
    return strcmp(app->record->status, "active") == 0 && app->record->deleted_at == 0 &&
           opp_guard_sees_org(call->admin, app->record->org_id);
}

static enum opp_code compare_apps(struct comparing *comparing, struct opp_manifest_comparison *out)
{
    const struct opp_registry *registry = comparing->call->registry;
    enum opp_code rc = OPP_OK;

    comparing->end_ms = opp_monotonic_ms() + TIME_MS;
    for (size_t i = 0; rc == OPP_OK && i < opp_registry_app_count(registry); i++) {
        const struct opp_app_entry *app = opp_registry_app_at(registry, i);

        if (!is_shown(comparing->call, app))
            continue;
        out->apps++;
        if (is_late(comparing))
            continue;
        rc = compare_app(comparing, app);
        out->apps_compared += is_late(comparing) ? 0 : 1;
    }
    return rc;
}

/* There is no request that a manifest could be an example of. */
static json_t *differences_of(const struct opp_tally *tally)
{
    json_t *report = opp_tally_report(tally, NULL), *list = json_incref(json_object_get(report, "differences")), *item;
    size_t index;

    json_array_foreach(list, index, item)
    {
        json_array_clear(json_object_get(item, "examples"));
    }
    json_decref(report);
    return list;
}

enum opp_code opp_manifest_compare(struct opp_call *call, struct opp_policy_bundle *bundle,
                                   struct opp_manifest_comparison *out, struct opp_err *err)
{
    struct comparing comparing = { .call = call };
    enum opp_code rc = opp_tally_new("", 0, &comparing.tally, err);

    comparing.active = opp_generation_engine(call->generation, call->worker->index);
    if (rc == OPP_OK)
        rc = opp_policy_engine_new(bundle, &comparing.staged, err);
    if (rc == OPP_OK)
        rc = compare_apps(&comparing, out);
    if (rc == OPP_OK) {
        out->differences = differences_of(comparing.tally);
        rc = out->differences != NULL ? OPP_OK : OPP_E_MEMORY;
    }
    opp_policy_engine_free(comparing.staged);
    opp_tally_free(comparing.tally);
    return rc;
}
