/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "fuzz.h"
#include "policy/engine.h"

#define LIB "\n---\n"
#define NOW INT64_C(1772798400)

static struct opp_policy_tool list[] = { { "thing.list", "read", "low", NULL, NULL },
                                         { "thing.make", "action", "high", NULL, NULL } };
static const struct opp_policy_tools tools = { list, 2 };

static int add_file(json_t *files, const char *name, const char *bytes, size_t length)
{
    json_t *text = json_stringn(bytes, length);

    return text != NULL && json_array_append_new(files, json_pack("{s:s, s:o}", "name", name, "text", text)) == 0;
}

/* A file of rules, and behind a line of three dashes one for lib/. */
static struct opp_policy_sources *sources_of(const char *text, size_t size)
{
    const char *lib = memmem(text, size, LIB, strlen(LIB));
    size_t length = lib != NULL ? (size_t)(lib - text) : size;
    struct opp_policy_sources *sources = NULL;
    json_t *files = json_array(), *value;
    static const char profile[] = "return { description = 'd' }";

    if (!add_file(files, "p/profile.lua", profile, strlen(profile)) || !add_file(files, "p/10.lua", text, length) ||
        (lib != NULL && !add_file(files, "p/lib/a.lua", lib + strlen(LIB), size - length - strlen(LIB)))) {
        json_decref(files); /* no UTF-8 */
        return NULL;
    }
    value = json_pack("{s:s, s:o}", "profile", "p", "files", files);
    opp_policy_sources_from_json(value, &sources, NULL);
    json_decref(value);
    return sources;
}

static json_t *request_of(enum opp_phase phase, const char *tool)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:[]}, s:{s:s, s:s, s:s, s:s, s:[], s:{}}, s:{s:s, s:s}, s:{}, s:s, s:I,"
                     " s:{s:i, s:s}, s:[], s:{s:s}, s:{s:i}, s:s, s:b, s:{s:[]}, s:{s:s}}",
                     "phase", opp_phase_name(phase), "tool", "name", tool, "kind", "action", "risk", "high", "scopes",
                     "app", "id", "a", "name", "n", "scope", "org", "org_id", "o", "scopes", "policy", "key", "id", "k",
                     "name", "n", "actor", "ip", "10.1.2.3", "now", (json_int_t)NOW, "payload", "amount", 5, "title",
                     "t", "resources", "impact", "summary", "s", "state", "amount", 5, "justification", "j", "execute",
                     1, "draft", "approvals", "reviewer", "user_id", "u");
}

/* A failed decision denies, and what a decision says can be said as JSON. */
static void decide(struct opp_policy_engine *engine, enum opp_phase phase, const char *tool)
{
    struct opp_policy_request request = {
        .phase = phase, .tool = tool, .request = request_of(phase, tool), .now_s = NOW
    };
    struct opp_policy_decision decision;
    json_t *shown;

    require(request.request != NULL);
    opp_policy_decide(engine, &request, &decision);
    require(!decision.failed || (decision.outcome == OPP_OUTCOME_DENY && !decision.window_open));
    require(decision.outcome != OPP_OUTCOME_DENY || decision.reason[0] != '\0');
    require(strstr(decision.error.message, "0x") == NULL || decision.failed);
    shown = opp_policy_decision_json(&decision);
    require(shown != NULL);
    json_decref(shown);
    opp_policy_decision_clear(&decision);
    json_decref(request.request);
}

static void use(struct opp_policy_bundle *bundle)
{
    struct opp_policy_engine *engine = NULL;
    json_t *state = json_object(), *facts = NULL;

    if (opp_policy_engine_new(bundle, &engine, NULL) == OPP_OK) {
        for (int phase = OPP_PHASE_DISCOVER; phase < OPP_PHASE_COUNT; phase++)
            for (size_t i = 0; i < tools.count; i++)
                decide(engine, (enum opp_phase)phase, list[i].name);
        opp_policy_witness(engine, list[1].name, state, state, &facts, NULL);
        json_decref(facts);
    }
    opp_policy_engine_free(engine);
    json_decref(state);
}

static void check_report(enum opp_code rc, const struct opp_policy_report *report)
{
    json_t *issue;
    size_t i;

    require((rc == OPP_OK) == (json_array_size(report->issues) == 0));
    json_array_foreach(report->issues, i, issue)
    {
        require(opp_json_text(issue, "file") != NULL && opp_json_text(issue, "message") != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct opp_policy_sources *sources = sources_of((const char *)data, size);
    struct opp_policy_bundle *bundle = NULL;
    struct opp_policy_report report = { 0 };
    enum opp_code rc;

    if (sources == NULL)
        return 0;
    rc = opp_policy_bundle_new(sources, &tools, &bundle, &report, NULL);
    require(rc == OPP_OK || rc == OPP_E_CONFIG);
    check_report(rc, &report);
    if (rc == OPP_OK)
        use(bundle);
    opp_policy_report_clear(&report);
    opp_policy_bundle_unref(bundle);
    return 0;
}
