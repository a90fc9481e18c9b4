/* SPDX-License-Identifier: MIT */
#include "policy/zone.h"

#include "base/date.h"
#include "policy/zone_internal.h"

#define DAY_S 86400

static int64_t clamp(int64_t seconds)
{
    if (seconds < OPP_ZONE_EARLIEST_S)
        return OPP_ZONE_EARLIEST_S;
    return seconds > OPP_ZONE_LATEST_S ? OPP_ZONE_LATEST_S : seconds;
}

/* How many turns are at utc_s or before. */
static size_t count_turns(const struct opp_zone *zone, int64_t utc_s)
{
    size_t low = 0, high = zone->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (zone->turns[middle].at <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct opp_zone_span find_span(const struct opp_zone *zone, int64_t utc_s)
{
    struct opp_zone_span span = { INT64_MAX, zone->first_offset_s };
    size_t passed = count_turns(zone, utc_s);

    if (passed == zone->count && zone->ruled)
        span = opp_zone_rule_span(&zone->rule, utc_s);
    else if (passed > 0)
        span.offset_s = zone->turns[passed - 1].offset_s;
    if (passed < zone->count)
        span.end = zone->turns[passed].at;
    return span;
}

void opp_zone_local(const struct opp_zone *zone, int64_t utc_s, struct opp_local *out)
{
    int64_t instant = clamp(utc_s);
    int32_t offset_s = find_span(zone, instant).offset_s;
    int64_t local_s = instant + offset_s;
    int64_t days = local_s / DAY_S - (local_s % DAY_S < 0);
    int second = (int)(local_s - days * DAY_S);

    opp_date_civil(days, &out->year, &out->month, &out->day);
    out->hour = second / 3600;
    out->minute = second / 60 % 60;
    out->second = second % 60;
    out->weekday = (int)(((days + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday, 3 */
    out->offset_s = offset_s;
}

/* Begins so early that no offset can reach local_s, and goes from span to span: the first that reaches it has it. */
int64_t opp_zone_utc(const struct opp_zone *zone, int64_t local_s)
{
    int64_t wanted = clamp(local_s), from = wanted - OPP_ZONE_OFFSET_MAX_S - 1;

    for (;;) {
        struct opp_zone_span span = find_span(zone, from);
        int64_t reached = wanted - span.offset_s;

        if (reached < from)
            reached = from;
        if (reached < span.end)
            return reached;
        from = span.end;
    }
}

const char *opp_weekday_name(int weekday)
{
    static const char *const names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

    return weekday >= 0 && weekday < 7 ? names[weekday] : NULL;
}
