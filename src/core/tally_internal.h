/* SPDX-License-Identifier: MIT
 *
 * core/tally_internal.h - a report's counts as tally.c and tally_report.c share them.
 * May include: base, core.
 */
#ifndef OPP_CORE_TALLY_INTERNAL_H
#define OPP_CORE_TALLY_INTERNAL_H

#include "core/tally.h"

#include <stdbool.h>
#include <stddef.h>

#define OPP_TALLY_BUCKETS 128 /* four to each doubling, from 64 ns on */
#define OPP_TALLY_PROFILE_MAX 72

/* How long decisions took, as counts by about their length. */
struct opp_tally_times {
    int64_t buckets[OPP_TALLY_BUCKETS], count;
};

struct opp_difference {
    char *key; /* "tool phase rule from to", a line each */
    json_t *tool, *phase, *rule, *from, *to;
    json_t *changed;  /* names of members */
    json_t *apps;     /* app id → {count, org_id} */
    json_t *examples; /* newest first; input is a text until it is shown */
    int64_t count;
    bool dirty;
};

struct opp_tally {
    char profile[OPP_TALLY_PROFILE_MAX];
    int64_t since_ms, decisions, same, errors, skipped, unreplayable;
    int64_t others; /* that differ in ways which found no place of their own */
    char last_error[256];
    struct opp_tally_times from, to;
    struct opp_difference differences[OPP_TALLY_DIFFERENCES];
    size_t count;
    json_t *places; /* key → number of its difference */
    bool dirty;
};

/* The time in nanoseconds that so many of a hundred did not pass; 0: there was none. */
int64_t opp_tally_percentile(const struct opp_tally_times *times, int percent);

#endif
