/* SPDX-License-Identifier: MIT */
#include "policy/kit.h"

#include "base/jcs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *facts(void)
{
    static json_t *made;

    if (made == NULL)
        made = json_loads("{\"type\":\"object\",\"properties\":{\"impact\":{\"type\":\"object\",\"properties\":{"
                          "\"thing\":{\"type\":\"object\",\"properties\":{\"amount\":{},\"title\":{}}},"
                          "\"list\":{\"type\":\"array\",\"items\":{\"properties\":{\"id\":{}}}},"
                          "\"open\":{\"type\":\"object\"}}},"
                          "\"state\":{\"properties\":{\"amount\":{}}}}}",
                          0, NULL);
    return made;
}

static struct opp_policy_tool list[] = { { "thing.list", "read", "low", NULL, NULL },
                                         { "thing.delete", "action", "high", NULL, NULL },
                                         { "thing.make", "action", "medium", NULL, NULL } };
const struct opp_policy_tools kit_tools = { list, 3 };

static void append(json_t *files, const char *name, const char *text)
{
    assert_int_equal(json_array_append_new(files, json_pack("{s:s, s:s}", "name", name, "text", text)), 0);
}

struct opp_policy_sources *kit_sources(const char *name, ...)
{
    json_t *files = json_array(), *value;
    struct opp_policy_sources *sources = NULL;
    va_list more;

    append(files, "p/profile.lua", "return { description = 'a test', settings = { zone = 'UTC' } }");
    va_start(more, name);
    for (; name != NULL; name = va_arg(more, const char *))
        append(files, name, va_arg(more, const char *));
    va_end(more);
    value = json_pack("{s:s, s:o}", "profile", "p", "files", files);
    assert_int_equal(opp_policy_sources_from_json(value, &sources, NULL), OPP_OK);
    json_decref(value);
    return sources;
}

struct opp_policy_bundle *kit_bundle(const char *rules)
{
    struct opp_policy_bundle *bundle = NULL;
    struct opp_err err = { 0 };

    list[1].facts = facts();
    if (opp_policy_bundle_new(kit_sources("p/10.lua", rules, NULL), &kit_tools, &bundle, NULL, &err) != OPP_OK)
        fail_msg("%s: %s", err.where, err.message);
    return bundle;
}

struct opp_policy_engine *kit_engine(const char *rules)
{
    struct opp_policy_bundle *bundle = kit_bundle(rules);
    struct opp_policy_engine *engine = NULL;

    assert_int_equal(opp_policy_engine_new(bundle, &engine, NULL), OPP_OK);
    opp_policy_bundle_unref(bundle);
    return engine;
}

static const char *show(const json_t *finding)
{
    static _Thread_local char text[600];

    snprintf(text, sizeof text, "%s:%d: %s", json_string_value(json_object_get(finding, "file")),
             (int)json_integer_value(json_object_get(finding, "line")),
             json_string_value(json_object_get(finding, "message")));
    return text;
}

const char *kit_refusal(const char *rules)
{
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_report report = { 0 };
    const char *shown;

    list[1].facts = facts();
    assert_int_equal(opp_policy_bundle_new(kit_sources("p/10.lua", rules, NULL), &kit_tools, &bundle, &report, NULL),
                     OPP_E_CONFIG);
    assert_null(bundle);
    shown = show(json_array_get(report.issues, 0));
    opp_policy_report_clear(&report);
    return shown;
}

const char *kit_warning(const char *rules)
{
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_report report = { 0 };
    const char *shown = "";

    list[1].facts = facts();
    assert_int_equal(opp_policy_bundle_new(kit_sources("p/10.lua", rules, NULL), &kit_tools, &bundle, &report, NULL),
                     OPP_OK);
    if (json_array_size(report.warnings) > 0)
        shown = show(json_array_get(report.warnings, 0));
    opp_policy_report_clear(&report);
    opp_policy_bundle_unref(bundle);
    return shown;
}

static void add(json_t *request, const char *members)
{
    json_t *more = json_loads(members, 0, NULL);

    assert_non_null(more);
    assert_int_equal(json_object_update(request, more), 0);
    json_decref(more);
}

json_t *kit_request(enum opp_phase phase, const char *members)
{
    json_t *request = json_pack("{s:s, s:I}", "phase", opp_phase_name(phase), "now", (json_int_t)KIT_NOW);

    add(request, "{\"tool\":{\"name\":\"thing.delete\",\"kind\":\"action\",\"risk\":\"high\",\"scopes\":[]},"
                 "\"app\":{\"id\":\"app_1\",\"name\":\"App\",\"scope\":\"org\",\"org_id\":\"org_1\",\"scopes\":[\"a\"],"
                 "\"policy\":{}},\"key\":{\"id\":\"key_1\",\"name\":\"k\"},\"actor\":{\"user_id\":\"u\"},"
                 "\"ip\":\"10.1.2.3\"}");
    if (phase >= OPP_PHASE_READ)
        add(request, "{\"payload\":{\"id\":\"1\"},\"resources\":[]}");
    if (phase >= OPP_PHASE_PREFLIGHT)
        add(request, "{\"impact\":{\"summary\":\"s\",\"thing\":{\"amount\":5}},\"state\":{\"amount\":5}}");
    if (phase >= OPP_PHASE_ACTION)
        add(request, "{\"justification\":\"because\",\"execute\":true}");
    if (phase >= OPP_PHASE_APPROVE)
        add(request, "{\"draft\":{\"id\":\"draft_1\",\"approvals\":[]}}");
    if (phase == OPP_PHASE_APPROVE)
        add(request, "{\"reviewer\":{\"user_id\":\"user_2\"}}");
    if (members != NULL)
        add(request, members);
    return request;
}

void kit_decide_phase(struct opp_policy_engine *engine, enum opp_phase phase, const char *tool, const char *members,
                      struct opp_policy_decision *out)
{
    struct opp_policy_request request = { .phase = phase, .tool = tool, .request = kit_request(phase, members) };

    request.now_s = json_integer_value(json_object_get(request.request, "now"));
    opp_policy_decision_clear(out);
    opp_policy_decide(engine, &request, out);
    json_decref(request.request);
}

void kit_decide(struct opp_policy_engine *engine, const char *members, struct opp_policy_decision *out)
{
    kit_decide_phase(engine, OPP_PHASE_ACTION, "thing.delete", members, out);
}

const char *kit_say_phase(const char *rules, enum opp_phase phase, const char *members)
{
    static _Thread_local char text[2000];
    struct opp_policy_engine *engine = kit_engine(rules);
    struct opp_policy_decision decision = { 0 };
    struct opp_buf bytes = { 0 };
    json_t *shown;

    kit_decide_phase(engine, phase, "thing.delete", members, &decision);
    if (decision.failed) {
        assert_int_equal(decision.outcome, OPP_OUTCOME_DENY);
        assert_string_equal(decision.reason, "A policy rule failed.");
        snprintf(text, sizeof text, "%s: %s", decision.error.where, decision.error.message);
    } else {
        shown = opp_policy_decision_json(&decision);
        json_object_del(shown, "reasons");
        json_object_del(shown, "failed");
        opp_jcs_write(&bytes, shown);
        snprintf(text, sizeof text, "%.*s", (int)bytes.length, bytes.bytes);
        json_decref(shown);
        opp_buf_free(&bytes);
    }
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
    return text;
}

const char *kit_say(const char *rules)
{
    return kit_say_phase(rules, OPP_PHASE_ACTION, NULL);
}

enum opp_code kit_check(const char *policies_dir, const char *profile, const struct opp_policy_tools *tools,
                        struct opp_policy_report *report, struct opp_err *err)
{
    struct opp_policy_sources *sources = NULL;
    struct opp_policy_bundle *bundle = NULL;
    enum opp_code rc = opp_policy_sources_read(policies_dir, profile, &sources, err);

    if (rc == OPP_OK)
        rc = opp_policy_bundle_new(sources, tools, &bundle, report, err);
    opp_policy_bundle_unref(bundle);
    return rc;
}
