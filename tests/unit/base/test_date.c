/* SPDX-License-Identifier: MIT */
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* The lengths of months, told apart from the formula under test. */
static int month_length(int year, int month)
{
    switch (month) {
    case 2:
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    case 4:
    case 6:
    case 9:
    case 11:
        return 30;
    default:
        return 31;
    }
}

static int64_t parsed(const char *text)
{
    struct opp_err err = { 0 };
    int64_t ms = INT64_MIN;

    if (opp_date_parse(text, &ms, &err) != OPP_OK)
        fail_msg("%s: %s", text, err.message);
    return ms;
}

static void every_day_of_ten_thousand_years_comes_back(void **state)
{
    int64_t days = -719528; /* 0000-01-01 */

    (void)state;
    for (int year = 0; year <= 9999; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= month_length(year, month); day++, days++) {
                int y, m, d;

                opp_date_civil(days, &y, &m, &d);
                if (opp_date_days(year, month, day) != days || y != year || m != month || d != day ||
                    !opp_date_valid(year, month, day))
                    fail_msg("%04d-%02d-%02d", year, month, day);
            }
    assert_int_equal(days, 2932897); /* 10000-01-01 */
}

static void every_day_is_written_and_read(void **state)
{
    char text[OPP_DATE_MAX], expected[OPP_DATE_MAX];

    (void)state;
    for (int64_t days = -719528; days < 2932897; days += 7) {
        int year, month, day;
        int64_t ms = days * OPP_DAY_MS + (days & 0xffffff), back = 0;

        opp_date_civil(days, &year, &month, &day);
        snprintf(expected, sizeof expected, "%04d-%02d-%02d", year, month, day);
        opp_date_format(ms, text);
        assert_memory_equal(text, expected, 10);
        assert_int_equal(parsed(text), ms);
        assert_int_equal(opp_date_parse_day(expected, &back, NULL), OPP_OK);
        assert_int_equal(back, days * OPP_DAY_MS);
    }
}

static void known_times_are_right(void **state)
{
    char text[OPP_DATE_MAX];

    (void)state;
    assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parsed("2001-09-09T01:46:40Z"), INT64_C(1000000000000));
    assert_int_equal(parsed("1985-04-12T23:20:50.52Z"), INT64_C(482196050520));
    assert_int_equal(parsed("1969-12-31T23:59:59.999Z"), -1);
    opp_date_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    opp_date_format(INT64_C(1795359845678), text);
    assert_string_equal(text, "2026-11-22T15:04:05.678Z");
}

static void a_time_outside_is_shown_as_the_nearest_inside(void **state)
{
    char text[OPP_DATE_MAX];

    (void)state;
    opp_date_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    opp_date_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void offsets_are_taken_off(void **state)
{
    (void)state;
    assert_int_equal(parsed("1996-12-19T16:39:57-08:00"), parsed("1996-12-20T00:39:57Z"));
    assert_int_equal(parsed("1937-01-01T12:00:27.87+00:20"), parsed("1937-01-01T11:40:27.87Z"));
    assert_int_equal(parsed("2026-01-01T00:00:00+23:59"), parsed("2025-12-31T00:01:00z"));
    assert_int_equal(parsed("2026-01-01t00:00:00-00:00"), parsed("2026-01-01T00:00:00+00:00"));
}

static void fractions_beyond_milliseconds_are_cut(void **state)
{
    (void)state;
    assert_int_equal(parsed("1970-01-01T00:00:00.5Z"), 500);
    assert_int_equal(parsed("1970-01-01T00:00:00.05Z"), 50);
    assert_int_equal(parsed("1970-01-01T00:00:00.0019999999999999999999999999Z"), 1);
    assert_int_equal(parsed("1969-12-31T23:59:59.9999Z"), -1);
}

static void a_leap_second_is_the_end_of_its_minute(void **state)
{
    (void)state;
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2016-12-31T23:59:59.999Z"));
    assert_int_equal(parsed("2016-12-31T23:59:60.3Z"), parsed("2016-12-31T23:59:59.999Z"));
    assert_int_equal(parsed("1990-12-31T15:59:60-08:00"), parsed("1990-12-31T23:59:59.999Z"));
    assert_int_equal(parsed("1972-07-01T00:59:60+01:00"), parsed("1972-06-30T23:59:59.999Z"));
    assert_int_equal(parsed("1960-06-30T23:59:60Z"), parsed("1960-06-30T23:59:59.999Z"));
}

static void bad_times_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-22",
        "2026-11-22T15:04:05",
        "2026-11-22 15:04:05Z",
        "2026-11-22T15:04Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T15:60:00Z",
        "2026-11-22T15:04:61Z",
        "2026-11-22T15:04:05.Z",
        "2026-11-22T15:04:05,5Z",
        "2026-11-22T15:04:05+24:00",
        "2026-11-22T15:04:05+01:60",
        "2026-11-22T15:04:05+0100",
        "2026-11-22T15:04:05+1:00",
        "2026-11-22T15:04:05ZZ",
        "2026-11-22T15:04:05Z ",
        " 2026-11-22T15:04:05Z",
        "+2026-11-22T15:04:05Z",
        "12026-11-22T15:04:05Z",
        "2026-1-22T15:04:05Z",
        "2026-11-22T15:04:60Z",
        "2026-11-22T23:59:60Z",
        "2026-12-30T23:59:60Z",
        "2026-12-31T22:59:60Z",
        "2026-12-31T23:58:60Z",
        "2026-12-31T23:59:60+01:00",
        "2026-11-22T15:04:05.1.2Z",
        "2026-11-22T15:04:05.\xd9\xa1Z",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct opp_err err = { 0 };
        int64_t ms = 7;

        if (opp_date_parse(bad[i], &ms, &err) != OPP_E_VALIDATION || ms != 7 || err.message[0] == '\0')
            fail_msg("taken: %s", bad[i]);
    }
}

static void bad_days_are_refused(void **state)
{
    static const char *const bad[] = {
        "",           "2026-11-2", "2026-11-222", "2026/11/22", "2026-02-29",
        "2026-11-31", "20261122",  "2026-11-22T", "-026-11-22",
    };
    int64_t ms = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(opp_date_parse_day(bad[i], &ms, NULL), OPP_E_VALIDATION);
    assert_int_equal(ms, 7);
}

static void leap_years_follow_the_century_rule(void **state)
{
    (void)state;
    assert_true(opp_date_valid(2000, 2, 29));
    assert_true(opp_date_valid(2024, 2, 29));
    assert_true(opp_date_valid(0, 2, 29));
    assert_false(opp_date_valid(1900, 2, 29));
    assert_false(opp_date_valid(2023, 2, 29));
    assert_false(opp_date_valid(2000, 2, 30));
    assert_false(opp_date_valid(10000, 1, 1));
    assert_false(opp_date_valid(-1, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_ten_thousand_years_comes_back),
        cmocka_unit_test(every_day_is_written_and_read),
        cmocka_unit_test(known_times_are_right),
        cmocka_unit_test(a_time_outside_is_shown_as_the_nearest_inside),
        cmocka_unit_test(offsets_are_taken_off),
        cmocka_unit_test(fractions_beyond_milliseconds_are_cut),
        cmocka_unit_test(a_leap_second_is_the_end_of_its_minute),
        cmocka_unit_test(bad_times_are_refused),
        cmocka_unit_test(bad_days_are_refused),
        cmocka_unit_test(leap_years_follow_the_century_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
