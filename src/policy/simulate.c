/* SPDX-License-Identifier: MIT */
#include "policy/simulate.h"

#include "base/json.h"
#include "policy/engine_internal.h"
#include "policy/merge.h"
#include "policy/selftest.h"

enum opp_code opp_policy_given(const struct opp_policy_bundle *bundle, json_t *given, enum opp_phase *phase,
                               json_t **request, struct opp_err *err)
{
    const json_t *named = json_object_get(given, "tool");
    const char *name = json_is_object(named) ? opp_json_text(named, "name") : json_string_value(named);
    const struct opp_tool_rules *tool = name != NULL ? opp_bundle_tool(bundle, name) : NULL;
    json_t *test = json_pack("{s:O}", "given", given);
    struct opp_given made = { .recent = 0 };
    enum opp_code rc;

    if (tool == NULL)
        rc = opp_fail(err, OPP_E_VALIDATION, "tool names none that there is");
    else
        rc = test != NULL ? opp_given_read(test, tool, &made, err) : opp_fail(err, OPP_E_MEMORY, "no memory");
    if (rc == OPP_OK) {
        *phase = made.request.phase;
        *request = json_incref(made.request.request);
    }
    opp_given_free(&made);
    json_decref(test);
    return rc;
}

static bool is_about(const struct opp_tool_rules *tool, const struct opp_policy_request *request, size_t number)
{
    enum opp_rule_fn asked[] = { request->phase == OPP_PHASE_DISCOVER ? OPP_RULE_DISCOVER : OPP_RULE_DECIDE,
                                 OPP_RULE_WINDOW };

    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        for (size_t j = 0; j < tool->by_function[asked[i]].count; j++)
            if (tool->by_function[asked[i]].list[j] == number)
                return true;
    return false;
}

static json_t *show_decision(const struct opp_policy_decision *decision)
{
    json_t *shown;

    if (!decision->spoke && !decision->has_window)
        return json_null();
    shown = opp_policy_decision_json(decision);
    if (shown != NULL && decision->failed)
        json_object_set_new(shown, "error", json_string(decision->error.message));
    return shown;
}

static json_t *ask_one(struct opp_policy_engine *engine, const struct opp_policy_request *request,
                       const struct opp_tool_rules *tool, size_t number)
{
    const struct opp_rule *rule = &engine->bundle->rules.list[number];
    struct opp_policy_decision decision;
    json_t *shown;

    opp_decision_start(&decision);
    opp_engine_judge(engine, request, tool, number, &decision);
    shown = json_pack("{s:s, s:s, s:i, s:o}", "rule", opp_rule_name(rule), "file", rule->file, "line", rule->line,
                      "decision", show_decision(&decision));
    opp_policy_decision_clear(&decision);
    return shown;
}

json_t *opp_policy_explain(struct opp_policy_engine *engine, const struct opp_policy_request *request)
{
    const struct opp_tool_rules *tool = opp_bundle_tool(engine->bundle, request->tool);
    json_t *rules = json_array();

    for (size_t i = 0; tool != NULL && rules != NULL && i < engine->bundle->rules.count; i++)
        if (is_about(tool, request, i) && json_array_append_new(rules, ask_one(engine, request, tool, i)) != 0) {
            json_decref(rules);
            return NULL;
        }
    return rules;
}
