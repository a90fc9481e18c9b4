/* SPDX-License-Identifier: MIT */
#include "policy/schedule.h"

#include "base/date.h"
#include "base/failing_alloc.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
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

static json_t *description_of(const char *text)
{
    json_t *description = NULL;

    assert_int_equal(opp_json_parse(text, strlen(text), &description, NULL), OPP_OK);
    return description;
}

static struct opp_schedule *schedule_of(const char *text)
{
    json_t *description = description_of(text);
    struct opp_schedule *schedule = NULL;
    struct opp_err err = { 0 };

    if (opp_schedule_new(zones, description, &schedule, &err) != OPP_OK)
        fail_msg("%s: %s", text, err.message);
    json_decref(description);
    return schedule;
}

static int64_t seconds_of(const char *text)
{
    int64_t ms = 0;

    if (text == NULL)
        return 0;
    assert_int_equal(opp_date_parse(text, &ms, NULL), OPP_OK);
    return ms / 1000;
}

/* NULL: never. */
static void assert_open(const struct opp_schedule *schedule, const char *now, const char *until)
{
    int64_t opens_at_s = -1, until_s = -1;

    assert_true(opp_schedule_open(schedule, seconds_of(now)));
    assert_true(opp_schedule_next(schedule, seconds_of(now), &opens_at_s, &until_s));
    assert_int_equal(until_s, seconds_of(until));
    assert_int_equal(opens_at_s, 0);
}

static void assert_closed(const struct opp_schedule *schedule, const char *now, const char *opens_at)
{
    int64_t opens_at_s = -1, until_s = -1;

    assert_false(opp_schedule_open(schedule, seconds_of(now)));
    assert_false(opp_schedule_next(schedule, seconds_of(now), &opens_at_s, &until_s));
    assert_int_equal(opens_at_s, seconds_of(opens_at));
    assert_int_equal(until_s, 0);
}

static void always_never_closes(void **state)
{
    struct opp_schedule *schedule = schedule_of("{\"kind\": \"always\"}");

    (void)state;
    assert_open(schedule, "2026-03-06T16:00:00Z", NULL);
    assert_null(opp_schedule_reason(schedule));
    opp_schedule_free(schedule);
}

static void never_never_opens_and_says_why(void **state)
{
    struct opp_schedule *schedule = schedule_of("{\"kind\": \"never\", \"reason\": \"the books are closed\"}");

    (void)state;
    assert_closed(schedule, "2026-03-06T16:00:00Z", NULL);
    assert_string_equal(opp_schedule_reason(schedule), "the books are closed");
    opp_schedule_free(schedule);
}

static void the_last_second_is_open_and_the_end_is_not(void **state)
{
    struct opp_schedule *schedule = schedule_of("{\"kind\": \"weekly\", \"days\": \"mon-fri\", \"from\": \"09:00\", "
                                                "\"to\": \"17:00\", \"tz\": \"Europe/Berlin\"}");

    (void)state;
    assert_closed(schedule, "2026-03-06T08:59:59+01:00", "2026-03-06T09:00:00+01:00");
    assert_open(schedule, "2026-03-06T09:00:00+01:00", "2026-03-06T17:00:00+01:00");
    assert_open(schedule, "2026-03-06T16:59:59+01:00", "2026-03-06T17:00:00+01:00");
    assert_closed(schedule, "2026-03-06T17:00:00+01:00", "2026-03-09T09:00:00+01:00");
    assert_closed(schedule, "2026-03-28T12:00:00+01:00", "2026-03-30T09:00:00+02:00"); /* the clocks change between */
    opp_schedule_free(schedule);
}

static void a_window_past_midnight_belongs_to_the_day_it_begins_on(void **state)
{
    struct opp_schedule *schedule = schedule_of("{\"kind\": \"weekly\", \"days\": \"fri\", \"from\": \"22:00\", "
                                                "\"to\": \"02:00\", \"tz\": \"America/New_York\"}");

    (void)state;
    assert_closed(schedule, "2026-03-06T01:00:00-05:00", "2026-03-06T22:00:00-05:00");
    assert_open(schedule, "2026-03-06T23:59:59-05:00", "2026-03-07T02:00:00-05:00");
    assert_open(schedule, "2026-03-07T01:59:59-05:00", "2026-03-07T02:00:00-05:00");
    assert_closed(schedule, "2026-03-07T02:00:00-05:00", "2026-03-13T22:00:00-04:00");
    opp_schedule_free(schedule);
}

static void to_may_be_the_end_of_the_day(void **state)
{
    struct opp_schedule *schedule = schedule_of(
        "{\"kind\": \"weekly\", \"days\": \"fri\", \"from\": \"16:00\", \"to\": \"24:00\", \"tz\": \"Europe/Berlin\"}");

    (void)state;
    assert_open(schedule, "2026-03-06T23:59:59+01:00", "2026-03-07T00:00:00+01:00");
    assert_closed(schedule, "2026-03-07T00:00:00+01:00", "2026-03-13T16:00:00+01:00");
    opp_schedule_free(schedule);
}

static void windows_that_touch_are_one(void **state)
{
    struct opp_schedule *days = schedule_of("{\"kind\": \"weekly\", \"days\": \"mon-fri\", \"from\": \"00:00\", "
                                            "\"to\": \"24:00\", \"tz\": \"Europe/Berlin\"}");
    struct opp_schedule *ever =
        schedule_of("{\"kind\": \"daily\", \"from\": \"06:00\", \"to\": \"06:00\", \"tz\": \"Europe/Berlin\"}");

    (void)state;
    assert_open(days, "2026-03-24T12:00:00+01:00", "2026-03-28T00:00:00+01:00");
    assert_closed(days, "2026-03-28T00:00:00+01:00", "2026-03-30T00:00:00+02:00");
    assert_open(ever, "2026-03-29T06:00:00+02:00", NULL);
    assert_open(ever, "2026-03-29T05:59:59+02:00", NULL);
    opp_schedule_free(days);
    opp_schedule_free(ever);
}

static void what_clocks_skip_is_cut_from_a_window(void **state)
{
    struct opp_schedule *inside =
        schedule_of("{\"kind\": \"daily\", \"from\": \"02:10\", \"to\": \"02:50\", \"tz\": \"Europe/Berlin\"}");
    struct opp_schedule *across =
        schedule_of("{\"kind\": \"daily\", \"from\": \"02:30\", \"to\": \"03:30\", \"tz\": \"Europe/Berlin\"}");

    (void)state;
    assert_closed(inside, "2026-03-29T01:59:59+01:00", "2026-03-30T02:10:00+02:00");
    assert_closed(across, "2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00");
    assert_open(across, "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00");
    opp_schedule_free(inside);
    opp_schedule_free(across);
}

static void of_an_hour_shown_twice_a_window_has_the_first(void **state)
{
    struct opp_schedule *inside =
        schedule_of("{\"kind\": \"daily\", \"from\": \"02:10\", \"to\": \"02:50\", \"tz\": \"Europe/Berlin\"}");
    struct opp_schedule *across =
        schedule_of("{\"kind\": \"daily\", \"from\": \"01:00\", \"to\": \"03:00\", \"tz\": \"Europe/Berlin\"}");

    (void)state;
    assert_open(inside, "2026-10-25T02:49:59+02:00", "2026-10-25T02:50:00+02:00");
    assert_closed(inside, "2026-10-25T02:10:00+01:00", "2026-10-26T02:10:00+01:00");
    assert_open(across, "2026-10-25T01:00:00+02:00", "2026-10-25T03:00:00+01:00"); /* three hours */
    assert_open(across, "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00");
    opp_schedule_free(inside);
    opp_schedule_free(across);
}

static void half_an_hour_of_saving_and_southern_summers_are_right(void **state)
{
    struct opp_schedule *island =
        schedule_of("{\"kind\": \"daily\", \"from\": \"01:40\", \"to\": \"02:15\", \"tz\": \"Australia/Lord_Howe\"}");
    struct opp_schedule *sydney =
        schedule_of("{\"kind\": \"daily\", \"from\": \"02:00\", \"to\": \"03:00\", \"tz\": \"Australia/Sydney\"}");

    (void)state;
    assert_open(island, "2026-10-04T01:40:00+10:30", "2026-10-04T02:30:00+11:00");
    assert_open(island, "2026-04-05T01:40:00+11:00", "2026-04-05T02:15:00+10:30");
    assert_closed(sydney, "2026-10-04T01:59:59+10:00", "2026-10-05T02:00:00+11:00");
    assert_open(sydney, "2026-04-05T02:00:00+11:00", "2026-04-05T03:00:00+10:00");
    opp_schedule_free(island);
    opp_schedule_free(sydney);
}

static void between_takes_texts_and_seconds(void **state)
{
    struct opp_schedule *texts = schedule_of(
        "{\"kind\": \"between\", \"from\": \"2026-03-06T09:00:00+01:00\", \"to\": \"2026-03-06T17:00:00+01:00\"}");
    struct opp_schedule *seconds = schedule_of("{\"kind\": \"between\", \"from\": 1000.5, \"to\": 2000}");

    (void)state;
    assert_closed(texts, "2026-03-06T07:59:59Z", "2026-03-06T08:00:00Z");
    assert_open(texts, "2026-03-06T08:00:00Z", "2026-03-06T16:00:00Z");
    assert_open(texts, "2026-03-06T15:59:59Z", "2026-03-06T16:00:00Z");
    assert_closed(texts, "2026-03-06T16:00:00Z", NULL);
    assert_closed(seconds, "1970-01-01T00:16:40Z", "1970-01-01T00:16:41Z");
    assert_open(seconds, "1970-01-01T00:33:19Z", "1970-01-01T00:33:20Z");
    assert_closed(seconds, "1970-01-01T00:33:20Z", NULL);
    opp_schedule_free(texts);
    opp_schedule_free(seconds);
}

static void days_are_names_ranges_and_lists(void **state)
{
    static const struct {
        const char *days;
        const char *open; /* of mon to sun */
    } cases[] = { { "fri", "----f--" },         { "mon,wed", "m-w----" },     { "mon-fri", "mtwtf--" },
                  { "sat-mon", "m----ss" },     { "mon-sun", "mtwtfss" },     { "tue-tue", "-t-----" },
                  { "mon-tue,sun", "mt----s" }, { " mon , fri ", "m---f--" }, { "mon,mon", "m------" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *description = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "weekly", "from", "09:00", "to", "10:00",
                                        "tz", "UTC", "days", cases[i].days);
        struct opp_schedule *schedule = NULL;

        assert_int_equal(opp_schedule_new(zones, description, &schedule, NULL), OPP_OK);
        for (int day = 0; day < 7; day++)
            assert_true(opp_schedule_open(schedule, seconds_of("2026-03-02T09:30:00Z") + day * 86400) ==
                        (cases[i].open[day] != '-'));
        opp_schedule_free(schedule);
        json_decref(description);
    }
}

#define HOURS "\"from\": \"09:00\", \"to\": \"17:00\""
#define DAILY(rest) "{\"kind\": \"daily\", " rest "}"
#define WEEKLY(days) "{\"kind\": \"weekly\", " HOURS ", \"tz\": \"UTC\", \"days\": " days "}"
#define BETWEEN(rest) "{\"kind\": \"between\", " rest "}"

static void a_wrong_description_is_refused_and_says_why(void **state)
{
    static const struct {
        const char *text, *where, *why;
    } cases[] = {
        { "[]", "/kind", "kind" },
        { "{}", "/kind", "kind" },
        { "{\"kind\": \"monthly\"}", "/kind", "always, never, daily" },
        { "{\"kind\": \"always\", \"tz\": \"UTC\"}", "/tz", "no field tz" },
        { "{\"kind\": \"always\", \"a\\nb\": 1}", "", "not known" },
        { "{\"kind\": \"never\"}", "/reason", "needs reason" },
        { "{\"kind\": \"never\", \"reason\": \"\"}", "/reason", "text" },
        { "{\"kind\": \"never\", \"reason\": 3}", "/reason", "text" },
        { DAILY(HOURS), "/tz", "needs tz" },
        { DAILY(HOURS ", \"tz\": 1"), "/tz", "name of a time zone" },
        { DAILY(HOURS ", \"tz\": \"Europe/Berlinn\""), "/tz", "no time zone \"Europe/Berlinn\"" },
        { DAILY(HOURS ", \"tz\": \"../UTC\""), "/tz", "is named like" },
        { DAILY(HOURS ", \"tz\": \"UTC\", \"days\": \"fri\""), "/days", "no field days" },
        { DAILY("\"from\": \"9:00\", \"to\": \"17:00\", \"tz\": \"UTC\""), "/from", "from must be" },
        { DAILY("\"from\": \"24:00\", \"to\": \"17:00\", \"tz\": \"UTC\""), "/from", "from must be" },
        { DAILY("\"from\": \"23:60\", \"to\": \"17:00\", \"tz\": \"UTC\""), "/from", "from must be" },
        { DAILY("\"from\": \"09:00:00\", \"to\": \"17:00\", \"tz\": \"UTC\""), "/from", "from must be" },
        { DAILY("\"from\": 9, \"to\": \"17:00\", \"tz\": \"UTC\""), "/from", "from must be" },
        { DAILY("\"from\": \"09:00\", \"to\": \"24:01\", \"tz\": \"UTC\""), "/to", "to must be" },
        { DAILY("\"from\": \"09:00\", \"to\": \"25:00\", \"tz\": \"UTC\""), "/to", "to must be" },
        { DAILY("\"from\": \"09:00\", \"to\": \"1a:00\", \"tz\": \"UTC\""), "/to", "to must be" },
        { WEEKLY("\"\""), "/days", "mon-fri" },
        { WEEKLY("\"friday\""), "/days", "mon-fri" },
        { WEEKLY("\"Fri\""), "/days", "mon-fri" },
        { WEEKLY("\"mon-\""), "/days", "mon-fri" },
        { WEEKLY("\"mon,\""), "/days", "mon-fri" },
        { WEEKLY("\"mon fri\""), "/days", "mon-fri" },
        { WEEKLY("\"mon-wed-fri\""), "/days", "mon-fri" },
        { WEEKLY("5"), "/days", "mon-fri" },
        { BETWEEN("\"from\": 1"), "/to", "needs to" },
        { BETWEEN("\"from\": true, \"to\": 2"), "/from", "RFC 3339" },
        { BETWEEN("\"from\": \"2026-03-06\", \"to\": 2"), "/from", "RFC 3339" },
        { BETWEEN("\"from\": 1, \"to\": 1e300"), "/to", "RFC 3339" },
        { BETWEEN("\"from\": -1e12, \"to\": 1"), "/from", "RFC 3339" },
        { BETWEEN("\"from\": 2, \"to\": 2"), "/to", "after its from" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *description = description_of(cases[i].text);
        struct opp_schedule *schedule = NULL;
        struct opp_err err = { 0 };

        assert_int_equal(opp_schedule_new(zones, description, &schedule, &err), OPP_E_VALIDATION);
        assert_null(schedule);
        assert_string_equal(err.where, cases[i].where);
        if (strstr(err.message, cases[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, err.message, cases[i].why);
        json_decref(description);
    }
}

static void when_memory_is_out_nothing_is_given(void **state)
{
    json_t *description = description_of("{\"kind\": \"never\", \"reason\": \"a\"}");
    bool failed = true;

    (void)state;
    for (int n = 1; failed; n++) {
        struct opp_schedule *schedule = NULL;
        enum opp_code rc;

        failing_alloc_set(n);
        rc = opp_schedule_new(zones, description, &schedule, NULL);
        failed = failing_alloc_happened();
        failing_alloc_set(0);
        assert_int_equal(rc, failed ? OPP_E_MEMORY : OPP_OK);
        assert_true((schedule == NULL) == failed);
        assert_true(n < 100 && (n > 2 || failed));
        opp_schedule_free(schedule);
    }
    json_decref(description);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always_never_closes),
        cmocka_unit_test(never_never_opens_and_says_why),
        cmocka_unit_test(the_last_second_is_open_and_the_end_is_not),
        cmocka_unit_test(a_window_past_midnight_belongs_to_the_day_it_begins_on),
        cmocka_unit_test(to_may_be_the_end_of_the_day),
        cmocka_unit_test(windows_that_touch_are_one),
        cmocka_unit_test(what_clocks_skip_is_cut_from_a_window),
        cmocka_unit_test(of_an_hour_shown_twice_a_window_has_the_first),
        cmocka_unit_test(half_an_hour_of_saving_and_southern_summers_are_right),
        cmocka_unit_test(between_takes_texts_and_seconds),
        cmocka_unit_test(days_are_names_ranges_and_lists),
        cmocka_unit_test(a_wrong_description_is_refused_and_says_why),
        cmocka_unit_test(when_memory_is_out_nothing_is_given),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
