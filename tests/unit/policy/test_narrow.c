/* SPDX-License-Identifier: MIT */
#include "policy/cases.h"
#include "policy/kit.h"
#include "policy/shrink.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A case is {rules, phase}: the rules are asked without the one that says so of itself ("added"), then with it. */

typedef void (*decide_fn)(struct opp_policy_engine *engine, const json_t *list, enum opp_phase phase,
                          struct opp_policy_decision *out);

struct property {
    struct opp_policy_engine *engine;
    decide_fn decide;
};

static bool holds_all(const json_t *more, const json_t *fewer)
{
    for (size_t i = 0; i < json_array_size(fewer); i++) {
        bool found = false;

        for (size_t j = 0; j < json_array_size(more); j++)
            found = found || opp_json_equal(json_array_get(more, j), json_array_get(fewer, i));
        if (!found)
            return false;
    }
    return true;
}

static bool not_above(int64_t after, int64_t before, int64_t unsaid)
{
    return before == unsaid || (after != unsaid && after <= before);
}

static bool is_narrower(const struct opp_policy_decision *after, const struct opp_policy_decision *before)
{
    if (after->failed)
        return after->outcome == OPP_OUTCOME_DENY && !after->window_open;
    return !before->failed && after->outcome >= before->outcome && after->approvals >= before->approvals &&
           not_above(after->expires_in_s, before->expires_in_s, 0) &&
           not_above(after->max_rows, before->max_rows, -1) && not_above(after->max_days, before->max_days, -1) &&
           (after->require & before->require) == before->require && holds_all(after->redact, before->redact) &&
           holds_all(after->limits, before->limits) && (before->window_open || !after->window_open);
}

static json_int_t number_in(const json_t *value, const char *name)
{
    return json_integer_value(json_object_get(value, name));
}

static json_t *without_added(const json_t *rules)
{
    json_t *list = json_deep_copy(rules), *rule;
    size_t i;

    json_array_foreach(list, i, rule)
    {
        if (json_object_get(rule, "added") != NULL)
            json_object_clear(rule);
    }
    return list;
}

static bool widens(void *arg, const json_t *value)
{
    const struct property *property = arg;
    enum opp_phase phase = (enum opp_phase)number_in(value, "phase");
    const json_t *with = json_object_get(value, "rules");
    struct opp_policy_decision before = { 0 }, after = { 0 };
    json_t *without;
    bool widened;

    if (!json_is_array(with) || phase < OPP_PHASE_READ)
        return false; /* the shrinker left out what a case must have */
    without = without_added(with);
    property->decide(property->engine, without, phase, &before);
    property->decide(property->engine, with, phase, &after);
    widened = !is_narrower(&after, &before);
    json_decref(without);
    opp_policy_decision_clear(&before);
    opp_policy_decision_clear(&after);
    return widened;
}

static json_t *random_case(uint64_t seed)
{
    json_t *rules, *value;

    cases_seed(seed);
    rules = cases_rules();
    json_object_set_new(json_array_get(rules, cases_pick(CASES_RULES)), "added", json_true());
    value = json_pack("{s:i, s:o}", "phase", OPP_PHASE_READ + (int)cases_pick(OPP_PHASE_COUNT - OPP_PHASE_READ),
                      "rules", rules);
    return value;
}

/* Gives the first case that widens made as small as it can be, and its seed; NULL: there is none. */
static json_t *find_widening(struct property *property, uint64_t count, uint64_t *seed)
{
    json_t *found = NULL;

    for (uint64_t i = 0; found == NULL && i < count; i++) {
        json_t *value;

        *seed = i * UINT64_C(3202034522624059733) + 11;
        value = random_case(*seed);
        if (widens(property, value))
            found = shrink(value, widens, property);
        json_decref(value);
    }
    return found;
}

static char *tell(const json_t *found, uint64_t seed)
{
    char *text = json_dumps(found, JSON_SORT_KEYS | JSON_COMPACT), *told = NULL;

    if (asprintf(&told, "seed %llu: %s", (unsigned long long)seed, text) < 0)
        told = NULL;
    free(text);
    return told;
}

static void adding_a_rule_never_widens(void **state)
{
    struct property property = { kit_engine(cases_text), cases_decide };
    uint64_t seed = 0;
    json_t *found = find_widening(&property, 10000, &seed);

    (void)state;
    if (found != NULL)
        fail_msg("%s", tell(found, seed));
    opp_policy_engine_free(property.engine);
}

/* What a merge would do in which the last rule that speaks had the word. */
static void decide_by_the_last(struct opp_policy_engine *engine, const json_t *list, enum opp_phase phase,
                               struct opp_policy_decision *out)
{
    const json_t *last;

    cases_decide(engine, list, phase, out);
    last = json_array_get(out->reasons, json_array_size(out->reasons) - 1);
    if (last != NULL && strcmp(opp_json_text(last, "outcome"), "allow") == 0)
        out->outcome = OPP_OUTCOME_ALLOW;
}

/* A merge that forgets what rules say about rows as soon as two do. */
static void decide_without_rows(struct opp_policy_engine *engine, const json_t *list, enum opp_phase phase,
                                struct opp_policy_decision *out)
{
    int said = 0;

    cases_decide(engine, list, phase, out);
    for (size_t i = 0; i < json_array_size(list); i++)
        said += json_object_get(json_object_get(json_array_get(list, i), "with"), "max_rows") != NULL &&
                json_object_get(json_array_get(list, i), "say") != NULL;
    if (said > 1 && !out->failed)
        out->max_rows = -1;
}

static void expect_smallest(decide_fn decide, const char *expected)
{
    struct property property = { kit_engine(cases_text), decide };
    uint64_t seed = 0;
    json_t *found = find_widening(&property, 1000, &seed), *wanted = json_loads(expected, 0, NULL);
    char *told;

    assert_non_null(found);
    told = tell(found, seed);
    assert_non_null(strstr(told, "seed "));
    if (!opp_json_equal(found, wanted))
        fail_msg("%s", told);
    free(told);
    json_decref(found);
    json_decref(wanted);
    opp_policy_engine_free(property.engine);
}

static void a_merge_that_widens_is_found_and_made_small(void **state)
{
    (void)state;
    expect_smallest(decide_by_the_last, "{\"phase\":1,\"rules\":[{\"say\":\"draft\",\"reason\":\"r\"},"
                                        "{\"say\":\"allow\",\"added\":true}]}");
    expect_smallest(decide_without_rows,
                    "{\"phase\":1,\"rules\":[{\"added\":true,\"say\":\"\",\"with\":{\"max_rows\":0}},"
                    "{\"reason\":\"r\",\"say\":\"draft\",\"with\":{\"max_rows\":0}}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_a_rule_never_widens),
        cmocka_unit_test(a_merge_that_widens_is_found_and_made_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
