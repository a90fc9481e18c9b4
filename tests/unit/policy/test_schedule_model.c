/* SPDX-License-Identifier: MIT
 *
 * Random daily and weekly schedules in the weeks around a change of the clocks, compared minute by minute with a model
 * that only looks at what the wall shows: a window opens when the wall first shows its from, or more, and closes when
 * it first shows its to, or more. */
#include "base/date.h"
#include "base/random.h"
#include "policy/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_S 60
#define DAY_MIN (24 * 60)
#define SPAN_MIN (26 * DAY_MIN) /* what the model sees */
#define FIRST_MIN (4 * DAY_MIN) /* what is compared; the rest is so that the next opening and end are seen too */
#define LAST_MIN (11 * DAY_MIN)
#define SCHEDULES_PER_WEEK 12

struct wall {
    const char *tz;
    int64_t start_s;
    int64_t highest[SPAN_MIN]; /* the latest civil minute shown so far */
};

struct model {
    unsigned days;
    int from, to; /* minutes since midnight */
    bool open[SPAN_MIN];
};

static struct opp_zones *zones;
static struct wall wall;
static struct model model;

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

static void watch_wall(const char *tz, const char *start)
{
    const struct opp_zone *zone = NULL;
    struct opp_local local;
    int64_t ms = 0, shown;

    assert_int_equal(opp_zones_get(zones, tz, &zone, NULL), OPP_OK);
    assert_int_equal(opp_date_parse(start, &ms, NULL), OPP_OK);
    wall.tz = tz;
    wall.start_s = ms / 1000;
    for (int i = 0; i < SPAN_MIN; i++) {
        opp_zone_local(zone, wall.start_s + i * MINUTE_S, &local);
        shown = opp_date_days(local.year, local.month, local.day) * DAY_MIN + local.hour * 60 + local.minute;
        wall.highest[i] = i > 0 && wall.highest[i - 1] > shown ? wall.highest[i - 1] : shown;
    }
}

static bool in_days(unsigned days, int64_t day)
{
    return (days >> ((day + 3) % 7) & 1U) != 0;
}

static void fill_model(void)
{
    int length = model.to > model.from ? model.to - model.from : model.to - model.from + DAY_MIN;
    int64_t first = wall.highest[0] / DAY_MIN - 1, last = wall.highest[SPAN_MIN - 1] / DAY_MIN;

    memset(model.open, 0, sizeof model.open);
    for (int64_t day = first; day <= last; day++) {
        int64_t opens = day * DAY_MIN + model.from;

        for (int i = 0; in_days(model.days, day) && i < SPAN_MIN; i++)
            model.open[i] = model.open[i] || (wall.highest[i] >= opens && wall.highest[i] < opens + length);
    }
}

static struct opp_schedule *make_schedule(void)
{
    char from[8], to[8], days[64] = "";
    struct opp_schedule *schedule = NULL;
    json_t *description;

    snprintf(from, sizeof from, "%02d:%02d", model.from / 60 % 24, model.from % 60);
    snprintf(to, sizeof to, "%02d:%02d", model.to / 60 % 100, model.to % 60);
    for (int day = 0; day < 7; day++) {
        if ((model.days >> day & 1U) != 0) {
            strcat(days, days[0] != '\0' ? "," : "");
            strcat(days, opp_weekday_name(day));
        }
    }
    description = json_pack("{s:s, s:s, s:s, s:s}", "kind", "daily", "from", from, "to", to, "tz", wall.tz);
    if (model.days != 0x7f) {
        json_object_set_new(description, "kind", json_string("weekly"));
        json_object_set_new(description, "days", json_string(days));
    }
    assert_int_equal(opp_schedule_new(zones, description, &schedule, NULL), OPP_OK);
    json_decref(description);
    return schedule;
}

/* The minute after minute at which the model is next otherwise; SPAN_MIN: not within its sight. */
static int next_change(int minute)
{
    bool open = model.open[minute];

    while (minute < SPAN_MIN && model.open[minute] == open)
        minute++;
    return minute;
}

static void fail_at(int64_t now_s, const char *what)
{
    fail_msg("%s at %" PRId64 " in %s, from %d to %d, days %#x", what, now_s, wall.tz, model.from, model.to,
             model.days);
}

static void compare_next(const struct opp_schedule *schedule, int64_t now_s, int minute, int change)
{
    int64_t opens_at_s, until_s, expected = wall.start_s + (int64_t)change * MINUTE_S, got;
    bool open = opp_schedule_next(schedule, now_s, &opens_at_s, &until_s);

    got = open ? until_s : opens_at_s;
    if (open != model.open[minute] || (open ? opens_at_s : until_s) != 0)
        fail_at(now_s, "otherwise open");
    if (change < SPAN_MIN ? got != expected : got != 0 && got < expected)
        fail_at(now_s, open ? "otherwise until" : "otherwise opening");
}

static void compare(const struct opp_schedule *schedule)
{
    int change = next_change(FIRST_MIN);

    for (int minute = FIRST_MIN; minute < LAST_MIN; minute++) {
        int64_t now_s = wall.start_s + (int64_t)minute * MINUTE_S;

        if (minute == change)
            change = next_change(minute);
        if (opp_schedule_open(schedule, now_s) != model.open[minute] ||
            opp_schedule_open(schedule, now_s + MINUTE_S - 1) != model.open[minute])
            fail_at(now_s, "otherwise open");
        if (minute % 7 == 0 || minute + 1 == change || model.open[minute] != model.open[minute - 1]) {
            compare_next(schedule, now_s, minute, change);
            compare_next(schedule, now_s + MINUTE_S - 1, minute, change);
        }
    }
}

/* Often near the hours at which clocks change, often a whole day, often every day or one. */
static void choose_schedule(uint64_t *random)
{
    uint64_t kind = next_random(random) % 6;

    model.from = (int)(next_random(random) % (kind < 3 ? 4 * 60 : DAY_MIN));
    model.to = 1 + (int)(next_random(random) % (kind < 2 ? 4 * 60 : DAY_MIN));
    if (kind == 4)
        model.to = model.from + (int)(next_random(random) % 3) - 1;
    if (kind == 5)
        model.from = 0, model.to = DAY_MIN;
    if (model.to < 0)
        model.to = 0;
    model.days = 1 + (unsigned)(next_random(random) % 0x7f);
    if (next_random(random) % 3 == 0)
        model.days = 0x7f;
    else if (next_random(random) % 2 == 0)
        model.days = 1U << (next_random(random) % 7);
}

static void schedules_agree_with_what_the_wall_shows(void **state)
{
    /* Each begins a week before the clocks change. */
    static const struct {
        const char *tz, *start;
    } weeks[] = { { "Europe/Berlin", "2026-03-22T00:00:00Z" },       { "Europe/Berlin", "2026-10-18T00:00:00Z" },
                  { "America/New_York", "2026-03-01T00:00:00Z" },    { "America/New_York", "2026-10-25T00:00:00Z" },
                  { "Australia/Lord_Howe", "2026-03-29T00:00:00Z" }, { "Australia/Lord_Howe", "2026-09-27T00:00:00Z" },
                  { "America/Santiago", "2025-03-30T00:00:00Z" },    { "America/Santiago", "2025-08-31T00:00:00Z" },
                  { "Australia/Sydney", "2099-03-29T00:00:00Z" },    { "Europe/Berlin", "2100-03-21T00:00:00Z" },
                  { "Pacific/Apia", "2011-12-23T00:00:00Z" },        { "Asia/Kolkata", "2026-03-01T00:00:00Z" },
                  { "America/St_Johns", "2026-10-25T00:00:00Z" },    { "Africa/Cairo", "2025-04-18T00:00:00Z" } };
    uint64_t random = 4;

    (void)state;
    for (size_t i = 0; i < sizeof weeks / sizeof *weeks; i++) {
        watch_wall(weeks[i].tz, weeks[i].start);
        for (int n = 0; n < SCHEDULES_PER_WEEK; n++) {
            struct opp_schedule *schedule;

            choose_schedule(&random);
            fill_model();
            schedule = make_schedule();
            compare(schedule);
            opp_schedule_free(schedule);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_agree_with_what_the_wall_shows),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
