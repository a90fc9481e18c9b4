/* SPDX-License-Identifier: MIT
 *
 * policy/zone_rule.h - a zone's rule for the years after its table: the POSIX TZ string that ends a TZif file.
 * May include: base.
 */
#ifndef OPP_POLICY_ZONE_RULE_H
#define OPP_POLICY_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* RFC 8536, section 3.2: offsets lie strictly between -25 and 26 hours. */
#define OPP_ZONE_OFFSET_MIN_S (-25 * 3600 + 1)
#define OPP_ZONE_OFFSET_MAX_S (26 * 3600 - 1)

/* Clocks are offset_s seconds east of UTC, and stay so up to, not including, end. */
struct opp_zone_span {
    int64_t end;
    int32_t offset_s;
};

enum opp_zone_day_kind {
    OPP_ZONE_DAY_OF_MONTH, /* Mm.w.d: the w-th (5: last) weekday d, 0 is Sunday, of month m */
    OPP_ZONE_DAY_NO_LEAP,  /* Jn: 1 to 365, February 29 is never counted */
    OPP_ZONE_DAY_OF_YEAR   /* n: 0 to 365 */
};

/* A day of any year, and a wall clock time relative to its midnight. */
struct opp_zone_day {
    enum opp_zone_day_kind kind;
    int month, week, day;
    int32_t time_s;
};

struct opp_zone_rule {
    int32_t standard_s, saving_s;
    bool saves; /* else only standard_s means anything */
    struct opp_zone_day begin, end;
};

/* Reads "CET-1CEST,M3.5.0,M10.5.0/3" with the extension of RFC 8536, section 3.3.1 (times of -167 to 167 hours). Only
 * ever writes *out whole; false: it is none. */
bool opp_zone_rule_parse(const char *text, struct opp_zone_rule *out);

/* What clocks do from utc_s on, which lies in the years -1 to 10000. */
struct opp_zone_span opp_zone_rule_span(const struct opp_zone_rule *rule, int64_t utc_s);

#endif
