/* SPDX-License-Identifier: MIT */
#include "base/date.h"
#include "policy/schedule_internal.h"

#include <stdlib.h>

#define DAY_S 86400
/* A window that opens at all does so within a week, or where clocks skip it in the next. The rest is for zone files
 * that no one would publish: looking ends. */
#define DAYS_LOOKED_AT 400

/* From start up to, not including, end; end 0: for ever. */
struct span {
    int64_t start, end;
};

void opp_schedule_free(struct opp_schedule *schedule)
{
    if (schedule == NULL)
        return;
    free(schedule->reason);
    free(schedule);
}

static bool begins_on(const struct opp_schedule *schedule, int64_t day)
{
    unsigned weekday = (unsigned)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday, 3 */

    return (schedule->days >> weekday & 1U) != 0;
}

/* The window that begins on a day, counted from 1970; false: there is none, or clocks skip all of it. */
static bool find_window(const struct opp_schedule *schedule, int64_t day, struct span *window)
{
    int64_t from_s = day * DAY_S + schedule->from_s;

    if (!begins_on(schedule, day))
        return false;
    window->start = opp_zone_utc(schedule->zone, from_s);
    window->end = opp_zone_utc(schedule->zone, from_s + schedule->length_s);
    return window->start < window->end;
}

/* No window that began before yesterday is open today, as none lasts longer than a day on the wall; and each ends
 * before the next begins, or then. So the first that ends after now_s is the one to ask. */
static bool find_first(const struct opp_schedule *schedule, int64_t now_s, int64_t *day, struct span *window)
{
    struct opp_local now;
    int64_t yesterday;

    opp_zone_local(schedule->zone, now_s, &now);
    yesterday = opp_date_days(now.year, now.month, now.day) - 1;
    for (*day = yesterday; *day < yesterday + DAYS_LOOKED_AT; (*day)++) {
        if (find_window(schedule, *day, window) && window->end > now_s)
            return true;
    }
    return false;
}

static bool is_endless(const struct opp_schedule *schedule)
{
    return schedule->days == OPP_EVERY_DAY && schedule->length_s == DAY_S;
}

/* Windows that touch are one: "mon-fri", "00:00" to "24:00" closes on Friday night. */
static void join(const struct opp_schedule *schedule, int64_t day, struct span *window)
{
    struct span next;

    if (is_endless(schedule)) {
        window->end = 0;
        return;
    }
    for (int64_t last = day + DAYS_LOOKED_AT; day < last; day++) {
        if (!find_window(schedule, day + 1, &next))
            continue;
        if (next.start > window->end)
            return;
        window->end = next.end;
    }
}

static bool ask_days(const struct opp_schedule *schedule, int64_t now_s, struct span *answer)
{
    struct span window;
    int64_t day;

    if (!find_first(schedule, now_s, &day, &window))
        return false;
    if (window.start > now_s) {
        answer->start = window.start;
        return false;
    }
    join(schedule, day, &window);
    answer->end = window.end;
    return true;
}

static bool ask_between(const struct opp_schedule *schedule, int64_t now_s, struct span *answer)
{
    if (now_s < schedule->opens_s) {
        answer->start = schedule->opens_s;
        return false;
    }
    answer->end = now_s < schedule->closes_s ? schedule->closes_s : 0;
    return now_s < schedule->closes_s;
}

bool opp_schedule_next(const struct opp_schedule *schedule, int64_t now_s, int64_t *opens_at_s, int64_t *until_s)
{
    struct span answer = { 0, 0 };
    bool open = schedule->kind == OPP_SCHEDULE_ALWAYS;

    if (schedule->kind == OPP_SCHEDULE_DAYS)
        open = ask_days(schedule, now_s, &answer);
    else if (schedule->kind == OPP_SCHEDULE_BETWEEN)
        open = ask_between(schedule, now_s, &answer);
    *opens_at_s = answer.start;
    *until_s = answer.end;
    return open;
}

bool opp_schedule_open(const struct opp_schedule *schedule, int64_t now_s)
{
    struct span window;
    int64_t day;

    switch (schedule->kind) {
    case OPP_SCHEDULE_ALWAYS:
        return true;
    case OPP_SCHEDULE_NEVER:
        return false;
    case OPP_SCHEDULE_DAYS:
        return find_first(schedule, now_s, &day, &window) && window.start <= now_s;
    case OPP_SCHEDULE_BETWEEN:
        return now_s >= schedule->opens_s && now_s < schedule->closes_s;
    }
    return false;
}

const char *opp_schedule_reason(const struct opp_schedule *schedule)
{
    return schedule->reason;
}
