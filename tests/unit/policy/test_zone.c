/* SPDX-License-Identifier: MIT */
#include "policy/zone.h"

#include "base/date.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct opp_zones *zones;

static int open_zones(void **state)
{
    (void)state;
    return opp_zones_new(NULL, &zones, NULL) == OPP_OK ? 0 : -1;
}

static int close_zones(void **state)
{
    (void)state;
    opp_zones_free(zones);
    return 0;
}

static const struct opp_zone *zone_of(const char *name)
{
    const struct opp_zone *zone = NULL;

    assert_int_equal(opp_zones_get(zones, name, &zone, NULL), OPP_OK);
    return zone;
}

static int64_t seconds_of(const char *text)
{
    int64_t ms = 0;

    assert_int_equal(opp_date_parse(text, &ms, NULL), OPP_OK);
    return ms / 1000;
}

/* "2026-03-29T03:00:00+02:00" in a zone is that very text. */
static void assert_shows(const char *name, const char *text)
{
    struct opp_local local;
    char shown[64];
    int offset;

    opp_zone_local(zone_of(name), seconds_of(text), &local);
    offset = abs(local.offset_s) / 60;
    snprintf(shown, sizeof shown, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", local.year, local.month, local.day,
             local.hour, local.minute, local.second, local.offset_s < 0 ? '-' : '+', offset / 60, offset % 60);
    assert_string_equal(shown, text);
}

/* The civil time, without an offset, is first reached at the instant. */
static void assert_reached(const char *name, const char *civil, const char *instant)
{
    char utc[64];

    snprintf(utc, sizeof utc, "%sZ", civil);
    assert_int_equal(opp_zone_utc(zone_of(name), seconds_of(utc)), seconds_of(instant));
}

static void utc_shows_itself_and_needs_no_file(void **state)
{
    struct opp_zones *nowhere = NULL;
    const struct opp_zone *utc = NULL;
    struct opp_local local;

    (void)state;
    assert_int_equal(opp_zones_new("/nonexistent", &nowhere, NULL), OPP_OK);
    assert_int_equal(opp_zones_get(nowhere, "UTC", &utc, NULL), OPP_OK);
    opp_zone_local(utc, 1774746001, &local);
    assert_int_equal(local.hour, 1);
    assert_int_equal(local.second, 1);
    assert_int_equal(local.weekday, 6);
    assert_int_equal(local.offset_s, 0);
    assert_int_equal(opp_zone_utc(utc, 1774746001), 1774746001);
    opp_zones_free(nowhere);
}

static void clocks_change_at_the_very_second(void **state)
{
    (void)state;
    assert_shows("Europe/Berlin", "2026-03-29T01:59:59+01:00");
    assert_shows("Europe/Berlin", "2026-03-29T03:00:00+02:00");
    assert_shows("Europe/Berlin", "2026-10-25T02:59:59+02:00");
    assert_shows("Europe/Berlin", "2026-10-25T02:00:00+01:00");
    assert_shows("America/New_York", "2026-03-08T01:59:59-05:00");
    assert_shows("America/New_York", "2026-03-08T03:00:00-04:00");
    assert_shows("America/New_York", "2026-11-01T01:59:59-04:00");
    assert_shows("America/New_York", "2026-11-01T01:00:00-05:00");
    assert_shows("Australia/Lord_Howe", "2026-04-05T01:59:59+11:00");
    assert_shows("Australia/Lord_Howe", "2026-04-05T01:30:00+10:30");
    assert_shows("Australia/Lord_Howe", "2026-10-04T01:59:59+10:30");
    assert_shows("Australia/Lord_Howe", "2026-10-04T02:30:00+11:00");
    assert_shows("Australia/Sydney", "2026-04-05T02:59:59+11:00");
    assert_shows("Australia/Sydney", "2026-04-05T02:00:00+10:00");
    assert_shows("Australia/Sydney", "2026-10-04T01:59:59+10:00");
    assert_shows("Australia/Sydney", "2026-10-04T03:00:00+11:00");
}

static void the_rule_reaches_beyond_the_table(void **state)
{
    (void)state;
    assert_shows("Europe/Berlin", "2100-03-28T01:59:59+01:00");
    assert_shows("Europe/Berlin", "2100-03-28T03:00:00+02:00");
    assert_shows("Europe/Berlin", "2100-10-31T02:00:00+01:00");
    assert_shows("America/New_York", "2100-11-07T01:59:59-04:00");
    assert_shows("America/New_York", "2100-11-07T01:00:00-05:00");
    assert_shows("Australia/Lord_Howe", "2100-04-04T01:30:00+10:30");
    assert_shows("Australia/Lord_Howe", "2100-10-03T02:30:00+11:00");
    assert_shows("Australia/Sydney", "2100-12-31T23:59:59+11:00");
    assert_shows("Europe/Berlin", "9999-12-31T23:59:59+01:00");
}

static void a_time_in_a_gap_is_the_first_instant_after_it(void **state)
{
    (void)state;
    assert_reached("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T01:59:59+01:00");
    assert_reached("Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T03:00:00+02:00");
    assert_reached("Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T03:00:00+02:00");
    assert_reached("Europe/Berlin", "2026-03-29T03:00:01", "2026-03-29T03:00:01+02:00");
    assert_reached("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-04T02:30:00+11:00");
    assert_reached("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-31T00:00:00+14:00");
}

static void of_a_time_shown_twice_the_first_counts(void **state)
{
    (void)state;
    assert_reached("Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T02:00:00+02:00");
    assert_reached("Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T02:59:59+02:00");
    assert_reached("Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T03:00:00+01:00");
    assert_reached("America/New_York", "2026-11-01T01:30:00", "2026-11-01T01:30:00-04:00");
    assert_reached("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-05T01:45:00+11:00");
}

static void a_zone_without_savings_has_one_offset(void **state)
{
    (void)state;
    assert_shows("Asia/Kolkata", "2026-06-01T00:00:00+05:30");
    assert_shows("Asia/Kathmandu", "2099-01-01T00:00:00+05:45");
    assert_reached("Asia/Kathmandu", "2099-01-01T00:00:00", "2099-01-01T00:00:00+05:45");
}

static void instants_outside_the_calendar_count_as_its_ends(void **state)
{
    struct opp_local earliest, latest;

    (void)state;
    opp_zone_local(zone_of("UTC"), INT64_MIN, &earliest);
    opp_zone_local(zone_of("UTC"), INT64_MAX, &latest);
    assert_int_equal(earliest.year, 0);
    assert_int_equal(latest.year, 9999);
    assert_int_equal(opp_zone_utc(zone_of("UTC"), INT64_MAX), INT64_C(253402300799));
    assert_int_equal(opp_zone_utc(zone_of("Europe/Berlin"), INT64_MIN), INT64_C(-62167219200) - 3208);
}

static int64_t local_seconds(const struct opp_zone *zone, int64_t utc_s)
{
    struct opp_local local;

    opp_zone_local(zone, utc_s, &local);
    return ((opp_date_days(local.year, local.month, local.day) * 24 + local.hour) * 60 + local.minute) * 60 +
           local.second;
}

/* The definition itself: there it is reached, and at no quarter of an hour before. */
static void the_instant_of_a_civil_time_is_the_first_that_reaches_it(void **state)
{
    static const char *const names[] = { "Europe/Berlin",    "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
                                         "America/Santiago", "Africa/Cairo",     "Asia/Gaza",           "Europe/Dublin",
                                         "America/St_Johns", "Antarctica/Troll" };
    uint64_t random = 7;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const struct opp_zone *zone = zone_of(names[next_random(&random) % (sizeof names / sizeof *names)]);
        int64_t wanted = (int64_t)(next_random(&random) % 4582800) * 900, found = opp_zone_utc(zone, wanted);

        assert_true(local_seconds(zone, found) >= wanted);
        for (int64_t earlier = found - 1; earlier > found - 4 * 3600; earlier -= 900)
            assert_true(local_seconds(zone, earlier) < wanted);
    }
}

static void weekdays_have_their_names(void **state)
{
    struct opp_local local;

    (void)state;
    opp_zone_local(zone_of("UTC"), 0, &local);
    assert_string_equal(opp_weekday_name(local.weekday), "thu");
    opp_zone_local(zone_of("UTC"), -4 * 86400, &local);
    assert_string_equal(opp_weekday_name(local.weekday), "sun");
    assert_null(opp_weekday_name(7));
    assert_null(opp_weekday_name(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utc_shows_itself_and_needs_no_file),
        cmocka_unit_test(clocks_change_at_the_very_second),
        cmocka_unit_test(the_rule_reaches_beyond_the_table),
        cmocka_unit_test(a_time_in_a_gap_is_the_first_instant_after_it),
        cmocka_unit_test(of_a_time_shown_twice_the_first_counts),
        cmocka_unit_test(a_zone_without_savings_has_one_offset),
        cmocka_unit_test(instants_outside_the_calendar_count_as_its_ends),
        cmocka_unit_test(the_instant_of_a_civil_time_is_the_first_that_reaches_it),
        cmocka_unit_test(weekdays_have_their_names),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
