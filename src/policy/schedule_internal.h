/* SPDX-License-Identifier: MIT
 *
 * policy/schedule_internal.h - what a schedule is made of, for schedule*.c alone.
 * May include: policy/schedule.h.
 */
#ifndef OPP_POLICY_SCHEDULE_INTERNAL_H
#define OPP_POLICY_SCHEDULE_INTERNAL_H

#include "policy/schedule.h"

#define OPP_EVERY_DAY 0x7fU

enum opp_schedule_kind {
    OPP_SCHEDULE_ALWAYS,
    OPP_SCHEDULE_NEVER,
    OPP_SCHEDULE_DAYS,
    OPP_SCHEDULE_BETWEEN
};

struct opp_schedule {
    enum opp_schedule_kind kind;
    unsigned days; /* bit 0: windows begin on Mondays */
    int from_s;    /* on the wall, since midnight */
    int length_s;  /* on the wall, 60 to 86400 */
    const struct opp_zone *zone;
    int64_t opens_s, closes_s; /* between; opens_s < closes_s */
    char *reason;              /* never */
};

#endif
