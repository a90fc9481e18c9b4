/* SPDX-License-Identifier: MIT */
#include "policy/zone_rule.h"

#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

static int64_t seconds_of(const char *text)
{
    int64_t ms = 0;

    assert_int_equal(opp_date_parse(text, &ms, NULL), OPP_OK);
    return ms / 1000;
}

static void assert_span(const char *text, const char *instant, int32_t offset_s, const char *start, const char *end)
{
    struct opp_zone_rule rule;
    struct opp_zone_span span;

    assert_true(opp_zone_rule_parse(text, &rule));
    span = opp_zone_rule_span(&rule, seconds_of(instant));
    assert_int_equal(span.offset_s, offset_s);
    assert_int_equal(span.end, seconds_of(end));
    span = opp_zone_rule_span(&rule, seconds_of(start));
    assert_int_equal(span.offset_s, offset_s);
    assert_int_equal(span.end, seconds_of(end));
    assert_int_equal(opp_zone_rule_span(&rule, seconds_of(start) - 1).end, seconds_of(start));
}

static void a_rule_without_savings_never_changes(void **state)
{
    struct opp_zone_rule rule;
    struct opp_zone_span span;

    (void)state;
    assert_true(opp_zone_rule_parse("<+0545>-5:45", &rule));
    span = opp_zone_rule_span(&rule, 0);
    assert_int_equal(span.offset_s, 5 * 3600 + 45 * 60);
    assert_true(span.end == INT64_MAX);
}

static void weeks_of_months_are_found(void **state)
{
    (void)state;
    assert_span("CET-1CEST,M3.5.0,M10.5.0/3", "2027-07-01T00:00:00Z", 7200, "2027-03-28T01:00:00Z",
                "2027-10-31T01:00:00Z");
    assert_span("CET-1CEST,M3.5.0,M10.5.0/3", "2027-01-01T00:00:00Z", 3600, "2026-10-25T01:00:00Z",
                "2027-03-28T01:00:00Z");
    assert_span("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-12-31T00:00:00Z", 39600, "2026-10-03T15:30:00Z",
                "2027-04-03T15:00:00Z");
}

static void times_may_leave_their_day_and_their_year(void **state)
{
    (void)state;
    /* Greenland: the Saturday evening before the Sunday that is named. */
    assert_span("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2027-07-01T00:00:00Z", -3600, "2027-03-28T01:00:00Z",
                "2027-10-31T01:00:00Z");
    assert_span("AAA0BBB,0/-167,J365/167", "2026-12-26T00:00:00Z", 3600, "2026-12-25T01:00:00Z",
                "2027-01-06T22:00:00Z");
}

static void days_of_the_year_count_leap_days_or_do_not(void **state)
{
    (void)state;
    assert_span("AAA0BBB,J60/0,J61/0", "2028-03-01T12:00:00Z", 3600, "2028-03-01T00:00:00Z", "2028-03-01T23:00:00Z");
    assert_span("AAA0BBB,59/0,60/0", "2028-02-29T12:00:00Z", 3600, "2028-02-29T00:00:00Z", "2028-02-29T23:00:00Z");
    assert_span("AAA0BBB,59/0,60/0", "2027-03-01T12:00:00Z", 3600, "2027-03-01T00:00:00Z", "2027-03-01T23:00:00Z");
}

static void a_saving_may_last_all_year(void **state)
{
    struct opp_zone_rule rule;

    (void)state;
    assert_true(opp_zone_rule_parse("XXX3EDT4,0/0,J365/23", &rule));
    for (int64_t at = seconds_of("2026-12-30T00:00:00Z"); at < seconds_of("2027-01-03T00:00:00Z"); at += 600)
        assert_int_equal(opp_zone_rule_span(&rule, at).offset_s, -4 * 3600);
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const wrong[] = { "",
                                         "CET",
                                         "CE-1",
                                         "-1",
                                         "<CET-1",
                                         "CET-1CEST",
                                         "CET-25",
                                         "CET-1:60",
                                         "CET-1:00:60",
                                         "CET-1 ",
                                         "CET-1CEST,M3.5.0",
                                         "CET-1CEST,M3.5.0,",
                                         "CET-1CEST,M0.5.0,M10.5.0/3",
                                         "CET-1CEST,M13.5.0,M10.5.0/3",
                                         "CET-1CEST,M3.0.0,M10.5.0/3",
                                         "CET-1CEST,M3.6.0,M10.5.0/3",
                                         "CET-1CEST,M3.5.7,M10.5.0/3",
                                         "CET-1CEST,M3.5.0,M10.5.0/168",
                                         "CET-1CEST,M3.5.0,M10.5.0/3 ",
                                         "CET-1CEST,J0,J365",
                                         "CET-1CEST,J1,J366",
                                         "CET-1CEST,0,366",
                                         "CET-1CEST,0,99999999999999999999" };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct opp_zone_rule rule;

        if (opp_zone_rule_parse(wrong[i], &rule))
            fail_msg("\"%s\" was taken for a rule", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_without_savings_never_changes),
        cmocka_unit_test(weeks_of_months_are_found),
        cmocka_unit_test(times_may_leave_their_day_and_their_year),
        cmocka_unit_test(days_of_the_year_count_leap_days_or_do_not),
        cmocka_unit_test(a_saving_may_last_all_year),
        cmocka_unit_test(what_is_no_rule_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
