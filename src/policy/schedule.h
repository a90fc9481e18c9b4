/* SPDX-License-Identifier: MIT
 *
 * policy/schedule.h - when a window is open: always, never, daily, weekly, or between two instants.
 * May include: base, policy/zone.h.
 */
#ifndef OPP_POLICY_SCHEDULE_H
#define OPP_POLICY_SCHEDULE_H

#include "base/error.h"
#include "policy/zone.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Immutable; asked from any thread. */
struct opp_schedule;

/* Gives the schedule that a description says; it lends its zone from zones, which must outlive it.
 *   {"kind": "always"}
 *   {"kind": "never", "reason": text}
 *   {"kind": "daily", "from": "09:00", "to": "17:00", "tz": "Europe/Berlin"}
 *   {"kind": "weekly", "days": "mon-fri", "from": …, "to": …, "tz": …}
 *   {"kind": "between", "from": instant, "to": instant}      RFC 3339 text, or seconds since 1970 UTC
 * All fields are needed and no others are taken. from and to are clock times, "00:00" to "23:59", to also "24:00"; a to
 * that is not after from is on the next day, and that window belongs to the day on which it begins. days: names and
 * ranges, "fri", "mon,wed", "sat-mon". Both ends are instants as opp_zone_utc gives them: a window that lies in the
 * hour that clocks skip does not open that day, and one in the hour shown twice opens in the first.
 * OPP_E_VALIDATION: err->message says which field and why, err->where is its JSON pointer (empty for an unknown field
 * that cannot be said); so too for an unknown zone.
 * Else what opp_zones_get gives. OPP_E_MEMORY. */
enum opp_code opp_schedule_new(struct opp_zones *zones, const json_t *description, struct opp_schedule **out,
                               struct opp_err *err);
void opp_schedule_free(struct opp_schedule *schedule); /* NULL allowed */

/* Open from the first second of the window up to, not including, its end. */
bool opp_schedule_open(const struct opp_schedule *schedule, int64_t now_s);

/* As opp_schedule_open, and says until when. Open: *until_s is the first second at which it is closed, 0 if it never
 * closes, and *opens_at_s is 0. Closed: *opens_at_s is the first second at which it is open again, 0 if it never
 * opens, and *until_s is 0. */
bool opp_schedule_next(const struct opp_schedule *schedule, int64_t now_s, int64_t *opens_at_s, int64_t *until_s);

/* Lends what never was given as its reason; NULL of every other kind. */
const char *opp_schedule_reason(const struct opp_schedule *schedule);

#endif
