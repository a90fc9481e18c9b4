/* SPDX-License-Identifier: MIT */
#include "policy/selftest.h"

#include "base/jcs.h"
#include "base/json.h"
#include "policy/engine_internal.h"
#include "policy/glob.h"

#include <stdio.h>
#include <string.h>

#define PROBLEM_BYTES 300

/* Whether two lists have the same elements, in any order. */
static bool same_set(const json_t *a, const json_t *b)
{
    json_t *item, *other;
    size_t i, j;

    if (json_array_size(a) != json_array_size(b))
        return false;
    json_array_foreach(a, i, item)
    {
        bool found = false;

        json_array_foreach(b, j, other) found = found || opp_json_equal(item, other);
        if (!found)
            return false;
    }
    return true;
}

/* Whether the limit says all that is expected of it. */
static bool has_limit(const json_t *limits, json_t *expected)
{
    const json_t *limit = json_array_get(limits, 0);
    const char *key;
    json_t *value;

    if (!json_is_object(limit) || !json_is_object(expected))
        return false;
    json_object_foreach(expected, key, value)
    {
        const json_t *mine = json_object_get(limit, key);

        if (mine == NULL || !(json_is_array(value) ? same_set(mine, value) : opp_json_equal(mine, value)))
            return false;
    }
    return true;
}

static bool meets(const json_t *decision, const char *key, json_t *expected)
{
    const json_t *said;

    if (strcmp(key, "limit") == 0)
        return has_limit(json_object_get(decision, "limits"), expected);
    said = json_object_get(decision, key);
    if (said != NULL && json_is_array(expected))
        return same_set(said, expected);
    return said != NULL && opp_json_equal(said, expected);
}

static bool is_expectable(const char *key)
{
    static const char *const keys[] = { "outcome",  "reason",   "tag",   "approvals", "expires_in", "require", "redact",
                                        "max_rows", "max_days", "limit", "window",    "failed",     NULL };

    for (size_t i = 0; keys[i] != NULL; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static void say(char problem[PROBLEM_BYTES], const struct opp_policy_decision *decision, const json_t *said,
                const char *key, const json_t *expected)
{
    const json_t *got = json_object_get(said, strcmp(key, "limit") == 0 ? "limits" : key);
    struct opp_buf wanted = { 0 }, given = { 0 };

    opp_jcs_write(&wanted, expected);
    if (got != NULL)
        opp_jcs_write(&given, got);
    else
        opp_buf_text(&given, "nothing");
    snprintf(problem, PROBLEM_BYTES, "%s is %.*s, expected %.*s%s%.80s%s%.60s", key, (int)given.length,
             given.bytes != NULL ? given.bytes : "", (int)wanted.length, wanted.bytes != NULL ? wanted.bytes : "",
             decision->failed ? " (" : "", decision->failed ? decision->error.message : "",
             decision->failed ? ") at " : "", decision->failed ? decision->error.where : "");
    opp_buf_free(&wanted);
    opp_buf_free(&given);
}

/* Fills problem if something is not as expected. */
static void compare(const json_t *expect, const struct opp_policy_decision *decision, char problem[PROBLEM_BYTES])
{
    json_t *said = opp_policy_decision_json(decision), *expected;
    const char *key;

    if (said == NULL || json_object_get(expect, "outcome") == NULL)
        snprintf(problem, PROBLEM_BYTES, "expect begins with an outcome: { \"draft\" }");
    json_object_foreach((json_t *)(uintptr_t)expect, key, expected)
    {
        if (problem[0] != '\0')
            break;
        if (!is_expectable(key))
            snprintf(problem, PROBLEM_BYTES, "nothing called '%.80s' can be expected", key);
        else if (!meets(said, key, expected))
            say(problem, decision, said, key, expected);
    }
    json_decref(said);
}

/* NULL: the test names no tool. */
static const char *tool_named(const json_t *test)
{
    const json_t *given = json_object_get(json_object_get(test, "given"), "tool");

    return json_is_object(given) ? opp_json_text(given, "name") : json_string_value(given);
}

/* The tool that a test is about: the one it names, else the first that the rule is about. */
static const struct opp_tool_rules *find_tool(const struct opp_policy_bundle *bundle, const struct opp_rule *rule,
                                              const json_t *test)
{
    const char *name = tool_named(test);
    json_t *pattern;
    size_t i;

    if (name != NULL)
        return opp_bundle_tool(bundle, name);
    json_array_foreach(opp_rule_tools(rule), i, pattern)
    {
        for (size_t t = 0; t < bundle->tool_count; t++)
            if (opp_glob(json_string_value(pattern), bundle->tools[t].name))
                return &bundle->tools[t];
    }
    return NULL;
}

/* A test that names a tool that there is none of would never run; a rule about no tool has none to be tested with. */
static void report_no_tool(struct opp_policy_loading *loading, const struct opp_rule *rule, size_t number,
                           const json_t *test)
{
    if (tool_named(test) != NULL && !opp_json_true(rule->facts, "optional"))
        opp_loading_test(loading, rule, number, "given.tool: there is no such tool");
    else
        opp_loading_warn(loading, rule->file, rule->line, "test %zu of the rule '%.80s' is about no tool", number,
                         opp_rule_name(rule));
}

static bool check_fields(const json_t *test, char problem[PROBLEM_BYTES])
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)test, key, value)
    {
        if (strcmp(key, "given") != 0 && strcmp(key, "expect") != 0 && strcmp(key, "phase") != 0 &&
            strcmp(key, "name") != 0)
            snprintf(problem, PROBLEM_BYTES, "a test has no field '%.80s': given, expect, phase, name", key);
    }
    return problem[0] == '\0';
}

/* Says whether the rule drafted a read. */
static bool run(struct opp_policy_engine *engine, size_t number, const json_t *test, const struct opp_tool_rules *tool,
                char problem[PROBLEM_BYTES])
{
    struct opp_policy_decision decision = { 0 };
    struct opp_given given = { .recent = 0 };
    struct opp_err err = { 0 };
    bool drafted_read;

    if (opp_given_read(test, tool, &given, &err) == OPP_OK) {
        opp_policy_decision_clear(&decision);
        opp_engine_judge(engine, &given.request, tool, number, &decision);
        compare(json_object_get(test, "expect"), &decision, problem);
    } else {
        snprintf(problem, PROBLEM_BYTES, "%s", err.message);
    }
    drafted_read = decision.drafted_read;
    opp_policy_decision_clear(&decision);
    opp_given_free(&given);
    return drafted_read;
}

static void run_tests(struct opp_policy_loading *loading, struct opp_policy_engine *engine, size_t number)
{
    const struct opp_rule *rule = &loading->bundle->rules.list[number];
    json_t *test;
    size_t i;

    json_array_foreach(rule->tests, i, test)
    {
        const struct opp_tool_rules *tool = find_tool(loading->bundle, rule, test);
        char problem[PROBLEM_BYTES] = "";

        if (tool == NULL) {
            report_no_tool(loading, rule, i + 1, test);
            continue;
        }
        if (check_fields(test, problem) && run(engine, number, test, tool, problem))
            opp_loading_warn(loading, rule->file, rule->line, "the rule '%.80s' drafts a read, which is a deny",
                             opp_rule_name(rule));
        opp_loading_test(loading, rule, i + 1, problem[0] != '\0' ? problem : NULL);
    }
}

void opp_bundle_run_tests(struct opp_policy_loading *loading, struct opp_policy_engine *engine)
{
    for (size_t i = 0; i < loading->bundle->rules.count; i++)
        run_tests(loading, engine, i);
}
