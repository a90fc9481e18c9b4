/* SPDX-License-Identifier: MIT
 *
 * core/tally_internal.h - a report's counts as tally.c and tally_report.c share them.
 * May include: base, core.
 */
#ifndef OPP_CORE_TALLY_INTERNAL_H
#define OPP_CORE_TALLY_INTERNAL_H

#include "base/buf.h"
#include "core/ruling.h"
#include "core/tally.h"

#include <stdbool.h>
#include <stddef.h>

#define OPP_TALLY_BUCKETS 128 /* four to each doubling, from 64 ns on */
#define OPP_TALLY_PROFILE_MAX 72

/* How long decisions took, as counts by about their length. */
struct opp_tally_times {
    int64_t buckets[OPP_TALLY_BUCKETS], count;
};

/* Texts, so that a decision is noted at the cost of copying it: most are overtaken before anybody looks. */
struct opp_example {
    struct opp_buf said;  /* the object's text, but for input */
    struct opp_buf input; /* both NUL-terminated */
};

struct opp_difference {
    char *key; /* "tool phase rule from to", a line each */
    json_t *tool, *phase, *rule, *from, *to;
    json_t *changed; /* names of members */
    json_t *apps;    /* app id → {count, org_id} */
    struct opp_example examples[OPP_TALLY_EXAMPLES];
    size_t noted; /* examples there have been: the newest is at noted - 1, round and round */
    int64_t count;
    bool dirty;
};

struct opp_tally {
    char profile[OPP_TALLY_PROFILE_MAX];
    int64_t since_ms, decisions, same, errors, skipped, unreplayable;
    int64_t others; /* that differ in ways which found no place of their own */
    char last_error[OPP_RULING_ERROR_MAX];
    struct opp_tally_times from, to;
    struct opp_difference differences[OPP_TALLY_DIFFERENCES];
    size_t count, last; /* last: where the last one was found */
    json_t *places;     /* key → number of its difference */
    bool dirty;
};

/* Lends the example that was noted so many before the newest; NULL: there is none, or memory was out
 * when another one was to take its place. */
const struct opp_example *opp_tally_example(const struct opp_difference *difference, size_t before);

/* Lends the oldest example's place, emptied, for the next one; opp_tally_noted when it is filled. */
struct opp_example *opp_tally_next_example(struct opp_difference *difference);
enum opp_code opp_tally_noted(struct opp_difference *difference); /* OPP_E_MEMORY: it is not noted */

/* Puts a filled difference at its place. Takes what it holds. OPP_E_MEMORY. */
enum opp_code opp_tally_place(struct opp_tally *tally, struct opp_difference *filled);

/* The time in nanoseconds that so many of a hundred did not pass; 0: there was none. */
int64_t opp_tally_percentile(const struct opp_tally_times *times, int percent);

#endif
