/* SPDX-License-Identifier: MIT */
#include "core/blame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

static const struct opp_policy_setters ALL = { .approvals = "approvals",
                                               .expires_in = "expires_in",
                                               .max_days = "max_days",
                                               .max_rows = "max_rows",
                                               .redact = "redact",
                                               .require = "require" };

static const char *judged(const struct opp_blame *from, const char *from_verdict, const struct opp_blame *to,
                          const char *to_verdict)
{
    struct opp_verdict_difference difference;

    opp_verdicts_compare(from_verdict, to_verdict, &difference);
    return opp_blame(from, to, &difference);
}

/* One side's rules set everything, the other's nothing but an outcome. */
static const char *blamed(const char *from, const char *to)
{
    const struct opp_blame silent = { .rule = "outcome of from" };
    const struct opp_blame loud = { .rule = "outcome of to", .limits = "limits", .set_by = ALL };

    return judged(&silent, from, &loud, to);
}

static void an_obligation_is_its_setters(void **state)
{
    (void)state;
    assert_string_equal(blamed("{\"approvals\":1,\"outcome\":\"draft\"}", "{\"approvals\":2,\"outcome\":\"draft\"}"),
                        "approvals");
    assert_string_equal(blamed("{\"outcome\":\"allow\"}", "{\"outcome\":\"allow\",\"redact\":[\"notes\"]}"), "redact");
    assert_string_equal(blamed("{\"outcome\":\"allow\",\"redact\":[\"a\"]}", "{\"outcome\":\"allow\"}"), "redact");
    assert_string_equal(blamed("{\"max_rows\":5,\"outcome\":\"allow\"}", "{\"outcome\":\"allow\"}"), "max_rows");
    assert_string_equal(blamed("{\"expires_in\":60,\"outcome\":\"draft\"}",
                               "{\"expires_in\":60,\"limits\":[{\"by\":\"app\",\"count\":9}],\"outcome\":\"draft\"}"),
                        "limits");
    assert_string_equal(blamed("{\"outcome\":\"allow\",\"redact\":[\"},\\\"\"],\"require\":[\"witness\"]}",
                               "{\"outcome\":\"allow\",\"redact\":[\"},\\\"\"]}"),
                        "require");
}

static void an_outcome_or_a_code_counts_before_all_obligations(void **state)
{
    (void)state;
    assert_string_equal(blamed("{\"approvals\":1,\"outcome\":\"allow\"}", "{\"approvals\":2,\"outcome\":\"draft\"}"),
                        "outcome of to");
    assert_string_equal(blamed("{\"outcome\":\"draft\"}", "{\"code\":\"agent.auto_execute_denied\",\"limits\":[],"
                                                          "\"outcome\":\"draft\"}"),
                        "outcome of to");
}

static void of_two_outcomes_it_is_the_stricter_ones(void **state)
{
    const struct opp_blame from = { .outcome = OPP_OUTCOME_DENY, .rule = "denies" };
    const struct opp_blame to = { .outcome = OPP_OUTCOME_ALLOW, .rule = "allows" };

    (void)state;
    assert_string_equal(judged(&from, "{\"outcome\":\"deny\"}", &to, "{\"outcome\":\"allow\"}"), "denies");
    assert_string_equal(judged(&to, "{\"outcome\":\"allow\"}", &from, "{\"outcome\":\"deny\"}"), "denies");
}

static void what_was_logged_says_the_same(void **state)
{
    json_t *logged = json_loads("{\"outcome\":\"draft\",\"limits\":[{\"rule\":\"l\"}],\"set_by\":{\"approvals\":\"a\"},"
                                "\"reasons\":[{\"rule\":\"x\",\"outcome\":\"allow\"},{\"rule\":\"y\",\"outcome\":"
                                "\"draft\"}]}",
                                0, NULL);
    struct opp_blame side = opp_blame_read(logged);

    (void)state;
    assert_int_equal(side.outcome, OPP_OUTCOME_DRAFT);
    assert_string_equal(side.rule, "y");
    assert_string_equal(side.limits, "l");
    assert_string_equal(side.set_by.approvals, "a");
    assert_null(side.set_by.redact);
    json_decref(logged);
    side = opp_blame_read(NULL);
    assert_null(side.rule);
    assert_int_equal(side.outcome, OPP_OUTCOME_DENY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_obligation_is_its_setters),
        cmocka_unit_test(an_outcome_or_a_code_counts_before_all_obligations),
        cmocka_unit_test(of_two_outcomes_it_is_the_stricter_ones),
        cmocka_unit_test(what_was_logged_says_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
