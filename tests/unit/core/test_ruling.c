/* SPDX-License-Identifier: MIT */
#include "core/ruling.h"

#include "base/jcs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct opp_policy_decision silent(void)
{
    return (struct opp_policy_decision){ .max_rows = -1, .max_days = -1, .window_open = true };
}

/* What the rules' own JSON says is in the text, word for word. */
static void says_what_the_decision_says(const struct opp_policy_decision *ruling, const json_t *written)
{
    json_t *decision = opp_policy_decision_json(ruling), *value;
    const char *name;

    json_object_foreach(decision, name, value)
    {
        assert_true(json_equal(value, json_object_get(written, name)));
    }
    assert_non_null(decision);
    json_decref(decision);
}

/* It is written so, and that is canonical. */
static void is_written(const struct opp_policy_decision *ruling, const char *expected)
{
    struct opp_buf written = { 0 }, again = { 0 };
    json_t *parsed = json_loads(expected, 0, NULL);

    assert_non_null(parsed);
    opp_ruling_write(&written, ruling);
    opp_buf_char(&written, '\0');
    assert_false(written.failed);
    assert_string_equal(written.bytes, expected);
    opp_jcs_write(&again, parsed);
    opp_buf_char(&again, '\0');
    assert_string_equal(again.bytes, expected);
    says_what_the_decision_says(ruling, parsed);
    opp_buf_free(&again);
    opp_buf_free(&written);
    json_decref(parsed);
}

static void what_says_nothing_is_not_written(void **state)
{
    struct opp_policy_decision ruling = silent();

    (void)state;
    is_written(&ruling, "{\"failed\":false,\"outcome\":\"allow\"}");
    ruling.has_window = true;
    ruling.window_rule = "not closed";
    is_written(&ruling, "{\"failed\":false,\"outcome\":\"allow\",\"window\":\"open\"}");
}

static void all_that_rules_can_say_is_written_in_order(void **state)
{
    struct opp_policy_decision ruling = { .outcome = OPP_OUTCOME_DENY,
                                          .reason = "a \"reason\"",
                                          .tag = "t",
                                          .approvals = 2,
                                          .expires_in_s = 60,
                                          .require = OPP_REQUIRE_WITNESS | OPP_REQUIRE_PREFLIGHT,
                                          .max_rows = 0,
                                          .max_days = 7,
                                          .set_by = { "a", "e", "d", "r", "h", "q" },
                                          .has_window = true,
                                          .window_reason = "closed for good",
                                          .window_rule = "hours",
                                          .failed = true,
                                          .failed_rule = NULL,
                                          .error = { .message = "no", .where = "x.lua:3" } };

    (void)state;
    ruling.reasons = json_pack("[{s:s, s:s}]", "rule", "a", "outcome", "deny");
    ruling.redact = json_pack("[s]", "notes");
    ruling.limits = json_pack("[{s:s, s:i}]", "rule", "l", "count", 1);
    is_written(&ruling, "{\"approvals\":2,\"error\":{\"message\":\"no\",\"rule\":null,\"where\":\"x.lua:3\"},"
                        "\"expires_in\":60,\"failed\":true,\"limits\":[{\"count\":1,\"rule\":\"l\"}],\"max_days\":7,"
                        "\"max_rows\":0,\"outcome\":\"deny\",\"reason\":\"a \\\"reason\\\"\","
                        "\"reasons\":[{\"outcome\":\"deny\",\"rule\":\"a\"}],\"redact\":[\"notes\"],"
                        "\"require\":[\"preflight\",\"witness\"],\"set_by\":{\"approvals\":\"a\",\"expires_in\":\"e\","
                        "\"max_days\":\"d\",\"max_rows\":\"r\",\"redact\":\"h\",\"require\":\"q\"},\"tag\":\"t\","
                        "\"window\":\"closed\",\"window_reason\":\"closed for good\",\"window_rule\":\"hours\"}");
    json_decref(ruling.limits);
    json_decref(ruling.redact);
    json_decref(ruling.reasons);
}

static void an_error_says_where_if_that_is_known(void **state)
{
    struct opp_policy_decision ruling = silent();
    char error[OPP_RULING_ERROR_MAX] = "left";

    (void)state;
    opp_ruling_error(&ruling, error);
    assert_string_equal(error, "");
    ruling.failed = true;
    snprintf(ruling.error.message, sizeof ruling.error.message, "no");
    opp_ruling_error(&ruling, error);
    assert_string_equal(error, "no");
    snprintf(ruling.error.where, sizeof ruling.error.where, "x.lua:3");
    opp_ruling_error(&ruling, error);
    assert_string_equal(error, "x.lua:3: no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_says_nothing_is_not_written),
        cmocka_unit_test(all_that_rules_can_say_is_written_in_order),
        cmocka_unit_test(an_error_says_where_if_that_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
