/* SPDX-License-Identifier: MIT */
#include "policy/cases.h"
#include "policy/kit.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* The model: written from the description alone, over JSON, one property at a time. */

static int rank(const json_t *rule, enum opp_phase phase)
{
    const char *say = opp_json_text(rule, "say");

    if (strcmp(say, "deny") == 0 || (strcmp(say, "draft") == 0 && phase == OPP_PHASE_READ))
        return 3;
    return strcmp(say, "draft") == 0 ? 2 : strcmp(say, "allow") == 0 ? 1 : 0;
}

static bool any_fails(const json_t *list)
{
    for (size_t i = 0; i < CASES_RULES; i++) {
        const char *say = opp_json_text(json_array_get(list, i), "say");

        if (strcmp(say, "error") == 0 || strcmp(say, "nonsense") == 0)
            return true;
    }
    return false;
}

static void model_number(const json_t *list, const char *name, bool most, json_t *out)
{
    json_int_t best = 0;
    bool said = false;

    for (size_t i = 0; i < CASES_RULES; i++) {
        const json_t *value = json_object_get(json_object_get(json_array_get(list, i), "with"), name);
        bool counts = rank(json_array_get(list, i), OPP_PHASE_ACTION) > 0;
        json_int_t number = json_integer_value(value);

        if (value == NULL || !counts)
            continue;
        if (!said || (most ? number > best : number < best))
            best = number;
        said = true;
    }
    if (said)
        json_object_set_new(out, name, json_integer(best));
}

static void model_union(const json_t *list, const char *name, const char *const *order, json_t *out)
{
    json_t *made = json_array();

    for (; *order != NULL; order++) {
        bool found = false;

        for (size_t i = 0; i < CASES_RULES; i++) {
            const json_t *names = json_object_get(json_object_get(json_array_get(list, i), "with"), name);

            for (size_t j = 0; j < json_array_size(names); j++)
                found = found || (rank(json_array_get(list, i), OPP_PHASE_ACTION) > 0 &&
                                  strcmp(json_string_value(json_array_get(names, j)), *order) == 0);
        }
        if (found)
            json_array_append_new(made, json_string(*order));
    }
    if (json_array_size(made) > 0)
        json_object_set(out, name, made);
    json_decref(made);
}

static void model_lists(const json_t *list, enum opp_phase phase, json_t *out)
{
    static const char *const outcomes[] = { "", "allow", "draft", "deny" };
    json_t *reasons = json_array(), *limits = json_array();

    for (size_t i = 0; i < CASES_RULES; i++) {
        const json_t *rule = json_array_get(list, i), *limit = json_object_get(json_object_get(rule, "with"), "limit");
        json_t *name = json_sprintf("r%zu", i + 1);

        if (rank(rule, phase) > 0)
            json_array_append_new(
                reasons,
                json_pack("{s:O, s:s, s:s*}", "rule", name, "outcome", outcomes[rank(rule, phase)], "reason",
                          strcmp(opp_json_text(rule, "say"), "allow") == 0 ? NULL : opp_json_text(rule, "reason")));
        if (rank(rule, phase) > 0 && limit != NULL)
            json_array_append_new(limits, json_pack("{s:O, s:O, s:O, s:s, s:[s]}", "rule", name, "count",
                                                    json_object_get(limit, "count"), "per",
                                                    json_object_get(limit, "per"), "by", "app", "tools", "*"));
        json_decref(name);
    }
    if (json_array_size(reasons) > 0)
        json_object_set(out, "reasons", reasons);
    if (json_array_size(limits) > 0)
        json_object_set(out, "limits", limits);
    json_decref(reasons);
    json_decref(limits);
}

static void model_outcome(const json_t *list, enum opp_phase phase, json_t *out)
{
    int strictest = 0;

    json_object_set_new(out, "outcome", json_string("allow"));
    for (size_t i = 0; i < CASES_RULES; i++) {
        const json_t *rule = json_array_get(list, i);

        if (rank(rule, phase) <= strictest || rank(rule, phase) < 2)
            continue;
        strictest = rank(rule, phase);
        json_object_set_new(out, "outcome", json_string(strictest == 3 ? "deny" : "draft"));
        json_object_set(out, "reason", json_object_get(rule, "reason"));
        json_object_del(out, "tag");
        if (json_object_get(rule, "tag") != NULL)
            json_object_set(out, "tag", json_object_get(rule, "tag"));
    }
}

static void model_window(const json_t *list, json_t *out)
{
    for (size_t i = 0; i < CASES_RULES; i++) {
        const json_t *window = json_object_get(json_array_get(list, i), "window");
        bool open = json_integer_value(json_array_get(window, 0)) <= KIT_NOW &&
                    KIT_NOW < json_integer_value(json_array_get(window, 1));

        if (window == NULL)
            continue;
        if (!open || json_object_get(out, "window") == NULL)
            json_object_set_new(out, "window", json_string(open ? "open" : "closed"));
    }
}

static json_t *model(const json_t *list, enum opp_phase phase)
{
    static const char *const fields[] = { "a", "amount", "notes", "title", "zz", NULL };
    static const char *const safeguards[] = { "preflight", "idempotency", "justification", "witness", NULL };
    json_t *out = json_object();

    json_object_set_new(out, "failed", json_false());
    model_outcome(list, phase, out);
    model_number(list, "approvals", true, out);
    model_number(list, "expires_in", false, out);
    model_number(list, "max_rows", false, out);
    model_number(list, "max_days", false, out);
    model_union(list, "redact", fields, out);
    model_union(list, "require", safeguards, out);
    model_lists(list, phase, out);
    if (phase != OPP_PHASE_READ && phase != OPP_PHASE_APPROVE)
        model_window(list, out);
    return out;
}

static void fail_case(uint64_t at, const json_t *list, const json_t *said, const json_t *expected)
{
    char *rule_text = json_dumps(list, 0), *said_text = json_dumps(said, JSON_SORT_KEYS);
    char *expected_text = json_dumps(expected, JSON_SORT_KEYS);

    print_error("case %llu: %s\nsaid     %s\nexpected %s\n", (unsigned long long)at, rule_text, said_text,
                expected_text);
    free(rule_text);
    free(said_text);
    free(expected_text);
    fail();
}

static void decisions_agree_with_the_model(void **state)
{
    static const enum opp_phase phases[] = { OPP_PHASE_READ, OPP_PHASE_PREFLIGHT, OPP_PHASE_ACTION, OPP_PHASE_APPROVE,
                                             OPP_PHASE_EXECUTE };
    struct opp_policy_engine *engine = kit_engine(cases_text);

    (void)state;
    for (uint64_t i = 0; i < 50000; i++) {
        struct opp_policy_decision decision;
        enum opp_phase phase;
        json_t *list, *said, *expected;

        cases_seed(i * UINT64_C(2862933555777941757) + 7);
        phase = phases[cases_pick(5)];
        list = cases_rules();
        cases_decide(engine, list, phase, &decision);
        if (any_fails(list)) {
            assert_true(decision.failed);
            assert_int_equal(decision.outcome, OPP_OUTCOME_DENY);
        } else {
            said = opp_policy_decision_json(&decision);
            expected = model(list, phase);
            if (!opp_json_equal(said, expected))
                fail_case(i, list, said, expected);
            json_decref(said);
            json_decref(expected);
        }
        json_decref(list);
        opp_policy_decision_clear(&decision);
    }
    opp_policy_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
