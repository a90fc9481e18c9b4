/* SPDX-License-Identifier: MIT
 *
 * policy/zone.h - IANA time zones: what clocks show at an instant, and the instant at which they show it.
 * May include: base.
 */
#ifndef OPP_POLICY_ZONE_H
#define OPP_POLICY_ZONE_H

#include "base/error.h"

#include <stdint.h>

#define OPP_ZONE_FILE_MAX (256 * 1024)
#define OPP_ZONE_NAME_MAX 64 /* bytes of the longest zone name, with its NUL */
#define OPP_ZONES_MAX 1024   /* zones that one cache holds */

/* In seconds since 1970 UTC, the years 0000 to 9999: what RFC 3339 can say. */
#define OPP_ZONE_EARLIEST_S INT64_C(-62167219200)
#define OPP_ZONE_LATEST_S INT64_C(253402300799)

/* Zones loaded once each and kept; from any thread, and without a lock once a zone is loaded. */
struct opp_zones;
/* One zone, immutable. */
struct opp_zone;

/* What a zone's clocks show: month and day from 1, weekday 0 (Monday) to 6, offset_s seconds east of UTC. */
struct opp_local {
    int year, month, day;
    int hour, minute, second;
    int weekday;
    int32_t offset_s;
};

/* Gives an empty cache over a directory of TZif files; NULL: the system's, /usr/share/zoneinfo. Nothing is read yet.
 * OPP_E_MEMORY. */
enum opp_code opp_zones_new(const char *dir, struct opp_zones **out, struct opp_err *err);
void opp_zones_free(struct opp_zones *zones); /* NULL allowed */

/* Lends the zone of a name such as "Europe/Berlin" until the cache is freed. "UTC" needs no file. OPP_E_VALIDATION: no
 * such zone, or no name of one (it begins with a capital; letters, digits, _ + - and single slashes). OPP_E_CONFIG: its
 * file is not TZif (RFC 8536, versions 1 to 4) without leap seconds. OPP_E_LIMIT: the file is larger than
 * OPP_ZONE_FILE_MAX, or OPP_ZONES_MAX zones are loaded. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_zones_get(struct opp_zones *zones, const char *name, const struct opp_zone **out,
                            struct opp_err *err);

/* What clocks show at utc_s seconds since 1970 UTC. An instant outside the years 0 to 9999 counts as the nearest
 * inside. */
void opp_zone_local(const struct opp_zone *zone, int64_t utc_s, struct opp_local *out);

/* The first instant, in seconds since 1970 UTC, at which clocks show local_s or later; local_s counts the civil time's
 * seconds since 1970-01-01T00:00:00 as though it were UTC. So a time that clocks skip is the first instant after the
 * gap, and of a time that they show twice it is the first; a later civil time never gives an earlier instant. */
int64_t opp_zone_utc(const struct opp_zone *zone, int64_t local_s);

/* Lends "mon" to "sun" of 0 to 6; NULL of anything else. */
const char *opp_weekday_name(int weekday);

#endif
