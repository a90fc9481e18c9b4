/* SPDX-License-Identifier: MIT */
#include "core/tally_internal.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define ALLOW "{\"outcome\":\"allow\"}"
#define DRAFT "{\"approvals\":1,\"outcome\":\"draft\"}"
#define DENY "{\"code\":\"agent.policy_denied\",\"outcome\":\"deny\"}"

static struct opp_compared compared(const char *from, const char *to)
{
    return (struct opp_compared){ .tool = "thing.make",
                                  .phase = "action",
                                  .request_id = "req_1",
                                  .app_id = "app_1",
                                  .org_id = "org_1",
                                  .number = 7,
                                  .at_ms = INT64_C(1790000000000),
                                  .from = from,
                                  .to = to,
                                  .rule = "a rule",
                                  .to_reason = "So.",
                                  .input = "{\"phase\":\"action\"}",
                                  .from_ns = 1000,
                                  .to_ns = 2000 };
}

static struct opp_tally *make(void)
{
    struct opp_tally *tally = NULL;

    assert_int_equal(opp_tally_new("strict", INT64_C(1790000000000), &tally, NULL), OPP_OK);
    return tally;
}

static void add(struct opp_tally *tally, const char *from, const char *to, int times)
{
    struct opp_compared one = compared(from, to);

    for (int i = 0; i < times; i++)
        assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
}

static json_t *difference(const json_t *report, size_t index)
{
    return json_array_get(json_object_get(report, "differences"), index);
}

static int64_t number(const json_t *report, const char *name)
{
    assert_true(json_is_integer(json_object_get(report, name)));
    return json_integer_value(json_object_get(report, name));
}

static void what_agrees_and_what_does_not_is_counted_the_commonest_first(void **state)
{
    struct opp_tally *tally = make();
    json_t *report;

    (void)state;
    add(tally, ALLOW, ALLOW, 5);
    add(tally, ALLOW, DENY, 2);
    add(tally, ALLOW, DRAFT, 3);
    report = opp_tally_report(tally, NULL);
    assert_int_equal(number(report, "decisions"), 10);
    assert_int_equal(number(report, "same"), 5);
    assert_true(json_real_value(json_object_get(report, "agreement")) == 0.5);
    assert_int_equal(json_array_size(json_object_get(report, "differences")), 2);
    assert_int_equal(number(difference(report, 0), "count"), 3);
    assert_string_equal(opp_json_text(json_object_get(difference(report, 0), "to"), "outcome"), "draft");
    assert_int_equal(number(difference(report, 1), "count"), 2);
    assert_string_equal(opp_json_text(report, "sentence"),
                        "Of 10 decisions since 2026-09-21T14:13:20.000Z, 5 would be the same under strict, 2 would be "
                        "denied that are not, 3 would wait for people that do not.");
    json_decref(report);
    opp_tally_free(tally);
}

static void rules_that_fail_are_errors_and_nothing_else(void **state)
{
    struct opp_tally *tally = make();
    struct opp_compared failed = compared(ALLOW, DENY);
    json_t *report;

    (void)state;
    failed.error = "other/10.lua:3: no";
    assert_int_equal(opp_tally_add(tally, &failed), OPP_OK);
    report = opp_tally_report(tally, NULL);
    assert_int_equal(number(report, "errors"), 1);
    assert_int_equal(number(report, "same"), 0);
    assert_int_equal(json_array_size(json_object_get(report, "differences")), 0);
    assert_string_equal(opp_json_text(report, "last_error"), "other/10.lua:3: no");
    json_decref(report);
    opp_tally_free(tally);
}

static void the_newest_few_are_shown_as_examples(void **state)
{
    struct opp_tally *tally = make();
    struct opp_compared one = compared(ALLOW, DENY);
    char id[16];
    json_t *report, *examples;

    (void)state;
    for (int i = 0; i < 9; i++) {
        snprintf(id, sizeof id, "req_%d", i);
        one.request_id = id;
        assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    }
    report = opp_tally_report(tally, NULL);
    examples = json_object_get(difference(report, 0), "examples");
    assert_int_equal(json_array_size(examples), OPP_TALLY_EXAMPLES);
    assert_string_equal(opp_json_text(json_array_get(examples, 0), "request_id"), "req_8");
    assert_string_equal(opp_json_text(json_array_get(examples, OPP_TALLY_EXAMPLES - 1), "request_id"), "req_4");
    json_decref(report);
    opp_tally_free(tally);
}

static enum opp_code count_parts(void *arg, const char *id, const char *state, struct opp_err *err)
{
    (void)id, (void)state, (void)err;
    ++*(int *)arg;
    return OPP_OK;
}

/* Memory that runs out while an example takes the place of the oldest leaves neither of the two. */
static void an_example_that_could_not_be_written_is_none(void **state)
{
    struct opp_tally *tally = make();
    struct opp_difference *found = &tally->differences[0];
    int parts = 0;
    json_t *report, *examples;

    (void)state;
    add(tally, ALLOW, DENY, OPP_TALLY_EXAMPLES);
    opp_buf_text(&opp_tally_next_example(found)->input, "{\"phase\":\"read\"}");
    found->examples[0].said.failed = true;
    assert_int_equal(opp_tally_noted(found), OPP_E_MEMORY);
    report = opp_tally_report(tally, NULL);
    examples = json_object_get(difference(report, 0), "examples");
    assert_int_equal(json_array_size(examples), OPP_TALLY_EXAMPLES - 1);
    assert_int_equal(opp_tally_save(tally, count_parts, &parts, NULL), OPP_OK);
    assert_int_equal(parts, 2);
    json_decref(report);
    add(tally, ALLOW, DENY, 1); /* and the place is used again */
    report = opp_tally_report(tally, NULL);
    assert_int_equal(json_array_size(json_object_get(difference(report, 0), "examples")), OPP_TALLY_EXAMPLES);
    json_decref(report);
    opp_tally_free(tally);
}

static void a_person_of_some_organisations_sees_their_apps_and_examples(void **state)
{
    struct opp_tally *tally = make();
    struct opp_compared one = compared(ALLOW, DENY);
    json_t *orgs = json_pack("[s]", "org_2"), *report;

    (void)state;
    assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    one.app_id = "app_2";
    one.org_id = "org_2";
    assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    one.app_id = "app_3";
    one.org_id = NULL;
    assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    report = opp_tally_report(tally, orgs);
    assert_int_equal(number(difference(report, 0), "count"), 3);
    assert_int_equal(json_array_size(json_object_get(difference(report, 0), "apps")), 1);
    assert_int_equal(json_array_size(json_object_get(difference(report, 0), "examples")), 1);
    json_decref(report);
    json_decref(orgs);
    opp_tally_free(tally);
}

static void more_kinds_than_are_told_apart_are_counted_together(void **state)
{
    struct opp_tally *tally = make();
    struct opp_compared one = compared(ALLOW, DENY);
    char tool[24];
    json_t *report;

    (void)state;
    for (int i = 0; i < OPP_TALLY_DIFFERENCES + 3; i++) {
        snprintf(tool, sizeof tool, "tool.%d", i);
        one.tool = tool;
        assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    }
    report = opp_tally_report(tally, NULL);
    assert_int_equal(json_array_size(json_object_get(report, "differences")), OPP_TALLY_DIFFERENCES);
    assert_int_equal(number(report, "others"), 3);
    json_decref(report);
    opp_tally_free(tally);
}

/* Which is found by the last one's key, and not by a part of it. */
static void differences_that_take_turns_are_told_apart(void **state)
{
    struct opp_tally *tally = make();
    struct opp_compared one = compared(ALLOW, DENY), other = compared(ALLOW, DENY);
    json_t *report;

    (void)state;
    other.rule = "a rule\nand more";
    for (int i = 0; i < 4; i++) {
        assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
        assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
        assert_int_equal(opp_tally_add(tally, &other), OPP_OK);
    }
    report = opp_tally_report(tally, NULL);
    assert_int_equal(json_array_size(json_object_get(report, "differences")), 2);
    assert_int_equal(number(difference(report, 0), "count"), 8);
    assert_int_equal(number(difference(report, 1), "count"), 4);
    json_decref(report);
    opp_tally_free(tally);
}

static void what_was_not_measured_is_in_no_percentile(void **state)
{
    struct opp_tally *tally = make();
    struct opp_compared one = compared(ALLOW, ALLOW);
    json_t *report;

    (void)state;
    one.to_ns = 64000;
    assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    one.to_ns = -1;
    for (int i = 0; i < 10; i++)
        assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    report = opp_tally_report(tally, NULL);
    assert_true(json_real_value(json_object_get(json_object_get(report, "cost"), "staged_us_p50")) >= 64);
    json_decref(report);
    opp_tally_free(tally);
}

static enum opp_code restore(void *arg, const char *id, const char *state, struct opp_err *err)
{
    (void)err;
    return opp_tally_restore(arg, id, state);
}

static void what_was_saved_is_the_same_report_and_goes_on(void **state)
{
    struct opp_tally *tally = make(), *copy = make();
    json_t *before, *after;
    int parts = 0;

    (void)state;
    add(tally, ALLOW, ALLOW, 4);
    add(tally, ALLOW, DENY, 7);
    add(tally, DENY, ALLOW, 1);
    opp_tally_skip(tally, 2);
    opp_tally_unreplayable(tally);
    assert_int_equal(opp_tally_save(tally, restore, copy, NULL), OPP_OK);
    before = opp_tally_report(tally, NULL);
    after = opp_tally_report(copy, NULL);
    assert_true(json_equal(before, after));
    assert_false(opp_tally_is_dirty(tally));
    assert_int_equal(opp_tally_save(tally, count_parts, &parts, NULL), OPP_OK);
    assert_int_equal(parts, 0);
    add(tally, DENY, ALLOW, 1);
    assert_int_equal(opp_tally_save(tally, count_parts, &parts, NULL), OPP_OK);
    assert_int_equal(parts, 2); /* the head, and the difference that grew */
    add(copy, ALLOW, DENY, 1);
    json_decref(after);
    after = opp_tally_report(copy, NULL);
    assert_int_equal(json_array_size(json_object_get(after, "differences")), 2);
    assert_int_equal(number(difference(after, 0), "count"), 8);
    json_decref(before);
    json_decref(after);
    opp_tally_free(tally);
    opp_tally_free(copy);
}

static void a_damaged_part_is_refused(void **state)
{
    struct opp_tally *tally = make();
    const char *const half = "{\"key\":\"k\"}";

    (void)state;
    assert_int_equal(opp_tally_restore(tally, "head", "{}"), OPP_E_VALIDATION);
    assert_int_equal(opp_tally_restore(tally, "head", "{"), OPP_E_VALIDATION);
    assert_int_equal(opp_tally_restore(tally, "0000", "{}"), OPP_E_VALIDATION);
    assert_int_equal(opp_tally_restore(tally, "0003", half), OPP_E_VALIDATION);
    assert_int_not_equal(opp_tally_restore(tally, "0000", half), OPP_OK);
    opp_tally_free(tally);
}

static void times_are_told_within_a_quarter(void **state)
{
    struct opp_tally *tally = make();
    struct opp_compared one = compared(ALLOW, ALLOW);
    json_t *report, *cost;
    double p50, p99;

    (void)state;
    for (int i = 1; i <= 100; i++) {
        one.from_ns = (int64_t)i * 1000;
        assert_int_equal(opp_tally_add(tally, &one), OPP_OK);
    }
    report = opp_tally_report(tally, NULL);
    cost = json_object_get(report, "cost");
    p50 = json_real_value(json_object_get(cost, "active_us_p50"));
    p99 = json_real_value(json_object_get(cost, "active_us_p99"));
    assert_true(p50 >= 50 && p50 <= 50 * 1.25);
    assert_true(p99 >= 99 && p99 <= 99 * 1.25);
    json_decref(report);
    opp_tally_free(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_agrees_and_what_does_not_is_counted_the_commonest_first),
        cmocka_unit_test(rules_that_fail_are_errors_and_nothing_else),
        cmocka_unit_test(the_newest_few_are_shown_as_examples),
        cmocka_unit_test(an_example_that_could_not_be_written_is_none),
        cmocka_unit_test(a_person_of_some_organisations_sees_their_apps_and_examples),
        cmocka_unit_test(more_kinds_than_are_told_apart_are_counted_together),
        cmocka_unit_test(what_was_saved_is_the_same_report_and_goes_on),
        cmocka_unit_test(a_damaged_part_is_refused),
        cmocka_unit_test(times_are_told_within_a_quarter),
        cmocka_unit_test(differences_that_take_turns_are_told_apart),
        cmocka_unit_test(what_was_not_measured_is_in_no_percentile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
