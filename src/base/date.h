/* SPDX-License-Identifier: MIT
 *
 * base/date.h - RFC 3339 times and calendar days, as milliseconds since 1970 UTC.
 * May include: base.
 */
#ifndef OPP_BASE_DATE_H
#define OPP_BASE_DATE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_DATE_MAX 32 /* bytes of the longest formatted time, with its NUL */
#define OPP_DAY_MS INT64_C(86400000)

/* "2026-11-22T15:04:05.678Z". Years 0000 to 9999; a time outside is shown as the nearest inside. */
void opp_date_format(int64_t ms, char text[OPP_DATE_MAX]);

/* RFC 3339 date-time with an offset; fractions beyond milliseconds are cut; second 60 counts as 59.999 where RFC 3339
 * allows it. OPP_E_VALIDATION. */
enum opp_code opp_date_parse(const char *text, int64_t *ms, struct opp_err *err);
/* "YYYY-MM-DD": its first millisecond in UTC. OPP_E_VALIDATION. */
enum opp_code opp_date_parse_day(const char *text, int64_t *ms, struct opp_err *err);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. */
int64_t opp_date_days(int year, int month, int day);
void opp_date_civil(int64_t days, int *year, int *month, int *day);
bool opp_date_valid(int year, int month, int day);

#endif
