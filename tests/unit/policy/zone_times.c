/* SPDX-License-Identifier: MIT
 *
 * Prints what clocks show, one instant a line: "<zone> <seconds since 1970> <local time>". zone_times.mjs compares the
 * times with an ECMAScript engine's. The same instants every time; all within the years 1970 to 2100. */
#include "base/random.h"
#include "policy/zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define INSTANTS_PER_ZONE 2000
#define LATEST_S INT64_C(4133980800) /* 2101-01-01 */

static void print_instant(const char *name, const struct opp_zone *zone, int64_t utc_s)
{
    struct opp_local local;

    opp_zone_local(zone, utc_s, &local);
    printf("%s %" PRId64 " %04d-%02d-%02dT%02d:%02d:%02d %s\n", name, utc_s, local.year, local.month, local.day,
           local.hour, local.minute, local.second, opp_weekday_name(local.weekday));
}

/* The seconds around the change of the clocks that comes within 200 days, where one does. */
static void print_change(const char *name, const struct opp_zone *zone, int64_t utc_s)
{
    struct opp_local before, now;
    int64_t low = utc_s, high = utc_s + 200 * INT64_C(86400);

    opp_zone_local(zone, low, &before);
    opp_zone_local(zone, high, &now);
    if (before.offset_s == now.offset_s || high >= LATEST_S)
        return;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        opp_zone_local(zone, middle, &now);
        if (now.offset_s == before.offset_s)
            low = middle;
        else
            high = middle;
    }
    print_instant(name, zone, low);
    print_instant(name, zone, high);
    print_instant(name, zone, high + 60);
}

int main(void)
{
    static const char *const names[] = { "Europe/Berlin",       "America/New_York", "Australia/Lord_Howe",
                                         "Pacific/Auckland",    "Asia/Kolkata",     "Europe/Dublin",
                                         "America/St_Johns",    "Pacific/Chatham",  "Asia/Tokyo",
                                         "Africa/Johannesburg", "Asia/Kathmandu",   "UTC" };
    struct opp_zones *zones = NULL;
    uint64_t random = 2026;

    if (opp_zones_new(NULL, &zones, NULL) != OPP_OK)
        return 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct opp_zone *zone;
        struct opp_err err = { 0 };

        if (opp_zones_get(zones, names[i], &zone, &err) != OPP_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        for (int n = 0; n < INSTANTS_PER_ZONE; n++) {
            int64_t utc_s = (int64_t)(next_random(&random) % (uint64_t)LATEST_S);

            print_instant(names[i], zone, utc_s);
            print_change(names[i], zone, utc_s);
        }
    }
    opp_zones_free(zones);
    return puts("end") < 0;
}
