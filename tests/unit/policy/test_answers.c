/* SPDX-License-Identifier: MIT
 *
 * What a rule may answer, to the last field; and engines that cannot be made, or made anew.
 */
#include "policy/bundle_internal.h"
#include "policy/kit.h"

#include "script/starving.h"

#include <stdio.h>
#include <string.h>

static void expect(const char *decide, const char *wanted)
{
    char rules[1024];
    const char *said;

    snprintf(rules, sizeof rules, "return { { name = 'r', tools = { '*' }, decide = function() return %s end } }",
             decide);
    said = kit_say(rules);
    if (strstr(said, wanted) == NULL)
        fail_msg("%s: %s", decide, said);
}

static void an_answer_that_says_what_there_is_not_denies(void **state)
{
    static const char *const rows[][2] = {
        { "allow { approvals = 0 }", "approvals is a whole number" },
        { "allow { approvals = 101 }", "approvals is a whole number" },
        { "allow { approvals = 1.5 }", "approvals is a whole number" },
        { "allow { approvals = '1' }", "approvals is a whole number" },
        { "allow { redact = {} }", "redact is a list" },
        { "allow { redact = 1 }", "redact is a list" },
        { "allow { redact = { '' } }", "redact is text" },
        { "allow { redact = { 7 } }", "redact is text" },
        { "allow { redact = { '\\xff' } }", "redact is text" },
        { "allow { redact = { ('x'):rep(201) } }", "redact is text" },
        { "allow { require = {} }", "require is a list" },
        { "allow { require = 1 }", "require is a list" },
        { "allow { require = { 'witness', 'witness', 'witness', 'witness', 'witness' } }", "require is a list" },
        { "allow { require = { 7 } }", "require is a list" },
        { "allow { require = { 'luck' } }", "require is a list" },
        { "allow { limit = { count = 1 } }", "a limit needs count and per" },
        { "allow { limit = { per = 1 } }", "a limit needs count and per" },
        { "allow { limit = { count = 1, per = 1, by = 7 } }", "limit.by is" },
        { "allow { limit = { count = 1, per = 1, by = 'luck' } }", "limit.by is" },
        { "allow { luck = 1 }", "has no field 'luck'" },
        { "allow { 1 }", "has no field '(a list element)'" },
        { "allow(1)", "is a table" },
        { "allow({}, 2)", "at most 1" },
        { "deny('')", "a reason has 1 to 511 bytes" },
        { "deny(('x'):rep(512))", "a reason has 1 to 511 bytes" },
        { "deny('\\xff')", "a reason is UTF-8" },
        { "deny('no', { tag = '' })", "tag is text" },
        { "draft()", "string expected" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i][0], rows[i][1]);
}

#define TEXTS(count) "(function() local list = {} for i = 1, " count " do list[i] = 'x' end return list end)()"

static void a_list_has_at_most_64_texts(void **state)
{
    (void)state;
    expect("allow { redact = " TEXTS("64") " }", "allow");
    expect("allow { redact = " TEXTS("65") " }", "redact is a list of 1 to 64 texts");
}

static void what_is_no_answer_denies(void **state)
{
    (void)state;
    expect("'allow'", "decide gives a");
    expect("7", "decide gives a");
    expect("{}", "decide gives a");
    expect("always()", "decide gives a");
    expect("allow(), allow()", "more than one value");
}

static void expect_offer(const char *discover, const char *wanted)
{
    char rules[512];
    const char *said;

    snprintf(rules, sizeof rules, "return { { name = 'r', tools = { '*' }, discover = function() %s end } }", discover);
    said = kit_say_phase(rules, OPP_PHASE_DISCOVER, NULL);
    if (strstr(said, wanted) == NULL)
        fail_msg("%s: %s", discover, said);
}

static void an_offer_is_told_or_not(void **state)
{
    (void)state;
    expect_offer("return true", "allow");
    expect_offer("return false", "deny");
    expect_offer("", "allow");
    expect_offer("return draft('People.')", "draft");
    expect_offer("return 7", "discover gives a");
    expect_offer("error('broken')", "broken");
}

/* --- windows --- */

#define WINDOW(name, window) "{ name = '" name "', tools = { '*' }, window = function() return " window " end }"
#define CLOSED                                                                                                        \
    "local first, second, third = never('first'), never('second'), daily { from = '08:00', to = '09:00', tz = 'UTC' " \
    "}\n"

static void of_many_closed_windows_the_first_reason_is_told(void **state)
{
    struct opp_policy_engine *engine =
        kit_engine(CLOSED "return { " WINDOW("a", "third") ", " WINDOW("b", "first") ", " WINDOW("c", "second") " }");
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide(engine, NULL, &decision);
    assert_false(decision.window_open);
    assert_string_equal(decision.window_reason, "first");
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

static void windows_that_are_never_open_together_tell_no_time(void **state)
{
    struct opp_policy_engine *engine =
        kit_engine("return { " WINDOW("a", "daily { from = '08:00', to = '09:00', tz = 'UTC' }") ", " WINDOW(
            "b", "daily { from = '09:00', to = '10:00', tz = 'UTC' }") " }");
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide(engine, NULL, &decision);
    assert_false(decision.window_open);
    assert_int_equal(decision.opens_at_s, 0);
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

static void a_tool_has_at_most_64_windows(void **state)
{
    struct opp_policy_engine *engine =
        kit_engine("local list, open = {}, always()\n"
                   "for i = 1, 65 do list[i] = { name = 'r' .. i, tools = { '*' }, window = function() return open end "
                   "} end\nreturn list");
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide(engine, NULL, &decision);
    assert_true(decision.failed);
    assert_string_equal(decision.error.message, "more than 64 windows for one tool");
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

/* --- engines --- */

static void a_rule_that_remembers_is_named_where_it_was_asked_alone(void **state)
{
    (void)state;
    assert_non_null(
        strstr(kit_refusal("local n = 0\nreturn { { name = 'counts', tools = { '*' }, decide = function() n = "
                           "n + 1 end, tests = { { given = {}, expect = { 'allow' } } } } }"),
               "rules have no memory"));
}

static void an_engine_has_the_rules_that_were_checked(void **state)
{
    struct opp_policy_bundle *bundle = kit_bundle("return {}");
    struct opp_policy_engine *engine = NULL;

    (void)state;
    bundle->rules.count++;
    assert_int_equal(opp_policy_engine_new(bundle, &engine, NULL), OPP_E_CONFIG);
    bundle->rules.count--;
    starving_set(1, false);
    assert_int_equal(opp_policy_engine_new(bundle, &engine, NULL), OPP_E_MEMORY);
    starving_set(0, false);
    assert_null(engine);
    opp_policy_bundle_unref(bundle);
}

static void an_engine_that_cannot_be_made_anew_denies(void **state)
{
    struct opp_policy_engine *engine = kit_engine(
        "return { { name = 'endless', tools = { 'thing.delete' }, decide = function() while true do end end } }");
    struct opp_policy_decision decision = { 0 };

    (void)state;
    kit_decide(engine, NULL, &decision);
    assert_true(decision.failed);
    for (int nth = 1; nth < 40; nth++) {
        struct opp_policy_request request = { .phase = OPP_PHASE_ACTION, .tool = "thing.delete", .now_s = KIT_NOW };

        request.request = kit_request(OPP_PHASE_ACTION, NULL);
        opp_policy_decision_clear(&decision);
        starving_set(nth, true);
        opp_policy_decide(engine, &request, &decision);
        starving_set(0, false);
        assert_int_equal(decision.outcome, OPP_OUTCOME_DENY);
        json_decref(request.request);
    }
    opp_policy_decision_clear(&decision);
    opp_policy_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_says_what_there_is_not_denies),
        cmocka_unit_test(a_list_has_at_most_64_texts),
        cmocka_unit_test(what_is_no_answer_denies),
        cmocka_unit_test(an_offer_is_told_or_not),
        cmocka_unit_test(of_many_closed_windows_the_first_reason_is_told),
        cmocka_unit_test(windows_that_are_never_open_together_tell_no_time),
        cmocka_unit_test(a_tool_has_at_most_64_windows),
        cmocka_unit_test(a_rule_that_remembers_is_named_where_it_was_asked_alone),
        cmocka_unit_test(an_engine_has_the_rules_that_were_checked),
        cmocka_unit_test(an_engine_that_cannot_be_made_anew_denies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
