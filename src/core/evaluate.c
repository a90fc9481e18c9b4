/* SPDX-License-Identifier: MIT */
#include "core/evaluate.h"

#include "base/json.h"
#include "base/json_cache.h"
#include "core/boundary.h"
#include "core/evaluate_show.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/guard.h"
#include "policy/simulate.h"
#include "store/decisions.h"
#include "store/store.h"
#include "store/tx.h"

#include <string.h>

/* Without an app, what counts is an app of no settings: its windows are shut. */
static const struct opp_app_entry nobody = { .policy = { .allow_sensitive_fields = true } };

static enum opp_code no_memory(struct opp_err *err)
{
    return opp_fail(err, OPP_E_MEMORY, "no memory to evaluate a request");
}

/* Lends the app that the request names by its id, if it does. */
static enum opp_code find_app(const struct opp_evaluation *evaluation, const struct opp_app_entry **out,
                              struct opp_err *err)
{
    const char *id = json_string_value(json_object_get(evaluation->request, "app"));

    *out = id != NULL ? opp_registry_app(evaluation->registry, id) : &nobody;
    if (id == NULL || (*out != NULL && (*out)->record->deleted_at == 0 &&
                       opp_guard_sees_org(evaluation->admin, (*out)->record->org_id)))
        return OPP_OK;
    return opp_fail_at(err, OPP_E_VALIDATION, "/request/app", "there is no such app");
}

static json_t *show_app(const struct opp_app *app)
{
    return json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o}", "id", app->id, "name", app->name, "scope", app->scope, "org_id",
                     app->org_id, "scopes", json_deep_copy(app->scopes), "policy", json_deep_copy(app->policy));
}

/* The request's own members count more than what the app, the clock and the tool say. */
static json_t *make_given(const struct opp_evaluation *evaluation, const struct opp_app_entry *app,
                          const struct opp_tool *tool)
{
    const struct opp_app *record = app->record;
    json_t *given = json_deep_copy(evaluation->request), *base;

    if (given == NULL)
        return NULL;
    base = json_pack("{s:I, s:s}", "now", (json_int_t)(opp_clock_now_ms(evaluation->gateway->clock) / 1000), "phase",
                     tool == NULL || tool->is_action ? "action" : "read");
    if (record != NULL) {
        json_object_set_new(given, "app", show_app(record));
        json_object_set_new(base, "actor",
                            json_pack("{s:s?}", "user_id",
                                      record->service_user_id != NULL ? record->service_user_id : record->user_id));
    }
    json_object_update_missing(given, base);
    json_decref(base);
    return given;
}

static bool brings(const json_t *safeguards, const char *name)
{
    json_t *item;
    size_t index;

    json_array_foreach(safeguards, index, item)
    {
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

static void fill_core(const struct opp_evaluation *evaluation, const json_t *request, const struct opp_tool *tool,
                      struct opp_core_part *core)
{
    const json_t *draft = json_object_get(request, "draft"), *named = evaluation->safeguards;
    const char *justification = opp_json_text(request, "justification");

    core->now_ms = (int64_t)(json_number_value(json_object_get(request, "now")) * 1000);
    core->execute = opp_json_true(request, "execute");
    core->settled = core->phase == OPP_PHASE_ACTION;
    core->have = (struct opp_safeguards){ .justification = justification != NULL && *justification != '\0',
                                          .idempotency_key = brings(named, "idempotency"),
                                          .preflight = brings(named, "preflight"),
                                          .witness = brings(named, "witness") };
    core->reviewed = json_object_get(evaluation->request, "draft") != NULL;
    core->approvals_required = opp_json_integer(draft, "approvals_required");
    core->approvals_given = opp_json_integer(draft, "approvals_given");
    if (core->phase == OPP_PHASE_READ)
        core->asked_days = opp_boundary_days(tool, json_object_get(request, "payload"));
}

/* Judges, asks each rule by itself, and shows it all. */
static enum opp_code judge(const struct opp_evaluation *evaluation, const struct opp_rejudged_input *input,
                           const struct opp_decision *recorded, json_t **out, struct opp_err *err)
{
    struct opp_policy_request request = opp_rejudge_request(input);
    struct opp_policy_engine *engine = NULL;
    struct opp_evaluated evaluated = { .generation = evaluation->generation, .input = input, .recorded = recorded };
    enum opp_code rc = opp_policy_engine_new(opp_generation_bundle(evaluation->generation), &engine, err);

    if (rc == OPP_OK)
        rc = opp_rejudge(engine, input, &evaluated.judged);
    if (rc == OPP_OK && (evaluated.rules = opp_policy_explain(engine, &request)) == NULL)
        rc = no_memory(err);
    if (rc == OPP_OK && (*out = opp_evaluated_json(&evaluated)) == NULL)
        rc = no_memory(err);
    json_decref(evaluated.rules);
    opp_rejudged_clear(&evaluated.judged);
    opp_policy_engine_free(engine);
    return rc;
}

static enum opp_code judge_made(const struct opp_evaluation *evaluation, const struct opp_app_entry *app, json_t *given,
                                struct opp_rejudged_input *input, json_t **out, struct opp_err *err)
{
    const struct opp_adapters *adapters = opp_generation_adapters(evaluation->generation);
    struct opp_err why = { 0 };
    const struct opp_tool *tool;
    enum opp_code rc = opp_policy_given(opp_generation_bundle(evaluation->generation), given, &input->core.phase,
                                        &input->request, &why);

    if (rc != OPP_OK)
        return opp_fail_at(err, rc, "/request", "%s", why.message);
    tool = opp_tool_find(adapters, opp_json_text(json_object_get(input->request, "tool"), "name"));
    if (tool == NULL || input->core.phase == OPP_PHASE_DISCOVER ||
        (input->core.phase == OPP_PHASE_READ) == tool->is_action)
        return opp_fail_at(err, OPP_E_VALIDATION, "/request/phase", "the tool has no such phase");
    fill_core(evaluation, input->request, tool, &input->core);
    opp_core_part_of_app(&input->core, app, tool, &evaluation->gateway->settings);
    input->app_id = app->record != NULL ? app->record->id : "";
    input->recent = json_object_get(evaluation->request, "recent");
    rc = judge(evaluation, input, NULL, out, err);
    json_decref((json_t *)(uintptr_t)input->core.redact);
    return rc;
}

static const struct opp_tool *tool_named(const struct opp_evaluation *evaluation)
{
    const json_t *tool = json_object_get(evaluation->request, "tool");
    const char *name = json_is_object(tool) ? opp_json_text(tool, "name") : json_string_value(tool);

    return name != NULL ? opp_tool_find(opp_generation_adapters(evaluation->generation), name) : NULL;
}

static enum opp_code evaluate_made(const struct opp_evaluation *evaluation, json_t **out, struct opp_err *err)
{
    struct opp_rejudged_input input = { .app_id = "" };
    const struct opp_app_entry *app = NULL;
    json_t *given = NULL;
    enum opp_code rc = find_app(evaluation, &app, err);

    if (rc == OPP_OK && (given = make_given(evaluation, app, tool_named(evaluation))) == NULL)
        rc = no_memory(err);
    if (rc == OPP_OK)
        rc = opp_session_open(evaluation->gateway->store, NULL, &input.executions, err);
    if (rc == OPP_OK)
        rc = judge_made(evaluation, app, given, &input, out, err);
    opp_session_close(input.executions);
    json_decref(input.request);
    json_decref(given);
    return rc;
}

struct finding {
    const struct opp_evaluation *evaluation;
    struct opp_decision *found;
};

static enum opp_code take(void *arg, void *record, struct opp_err *err)
{
    (void)err;
    ((struct finding *)arg)->found = record;
    return OPP_OK;
}

static enum opp_code find_recorded(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct finding *finding = arg;
    struct opp_query query = { .record = &OPP_DECISION, .order = "number", .descending = true, .limit = 1 };

    opp_query_text(&query, "request_id", OPP_EQUAL, finding->evaluation->request_id);
    opp_query_text(&query, "phase", OPP_EQUAL, finding->evaluation->phase);
    return opp_tx_each(tx, &query, take, finding, err);
}

static enum opp_code judge_recorded(const struct opp_evaluation *evaluation, const struct opp_decision *recorded,
                                    json_t **out, struct opp_err *err)
{
    struct opp_rejudged_input input = { .app_id = recorded->app_id };
    json_t *core = opp_json_cache_parse(NULL, recorded->core), *recent = NULL;
    enum opp_code rc = core != NULL ? opp_core_part_read(core, &input.core) : OPP_E_VALIDATION;

    if (recorded->recent != NULL)
        recent = opp_json_cache_parse(NULL, recorded->recent);
    input.recent = recent;
    input.request = opp_json_cache_parse(NULL, recorded->request);
    if (rc != OPP_OK || input.request == NULL)
        rc = opp_fail(err, OPP_E_IO, "a recorded decision is damaged");
    if (rc == OPP_OK)
        rc = opp_session_open(evaluation->gateway->store, NULL, &input.executions, err);
    if (rc == OPP_OK)
        rc = judge(evaluation, &input, recorded, out, err);
    opp_session_close(input.executions);
    json_decref(input.request);
    json_decref(recent);
    json_decref(core);
    return rc;
}

static enum opp_code evaluate_recorded(const struct opp_evaluation *evaluation, json_t **out, struct opp_err *err)
{
    struct finding finding = { .evaluation = evaluation };
    struct opp_session *log = NULL;
    enum opp_code rc = opp_decisions_reader(evaluation->gateway->data_dir, &log, err);

    if (rc == OPP_OK)
        rc = opp_session_now(log, find_recorded, &finding, err);
    if (rc == OPP_OK && finding.found != NULL && opp_guard_sees_org(evaluation->admin, finding.found->org_id))
        rc = judge_recorded(evaluation, finding.found, out, err);
    else if (rc == OPP_OK)
        rc = opp_fail(err, OPP_E_ABSENT, "no decision of that request is in the log");
    opp_record_free(&OPP_DECISION, finding.found);
    if (log == NULL && rc == OPP_E_IO)
        rc = OPP_E_UNAVAILABLE;
    opp_session_close(log);
    return rc;
}

enum opp_code opp_evaluate(const struct opp_evaluation *evaluation, json_t **out, struct opp_err *err)
{
    return evaluation->request != NULL ? evaluate_made(evaluation, out, err) : evaluate_recorded(evaluation, out, err);
}
