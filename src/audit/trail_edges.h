/* SPDX-License-Identifier: MIT
 *
 * audit/trail_edges.h - finds where a span of time begins and ends in the stored trail, a stretch of rows at a time: no
 * index has the times, and a long trail is long to look through.
 * May include: store, base.
 */
#ifndef OPP_AUDIT_TRAIL_EDGES_H
#define OPP_AUDIT_TRAIL_EDGES_H

#include "base/error.h"
#include "base/hash.h"

#include <stdint.h>

struct opp_tx;

enum opp_trail_edges_stage {
    OPP_TRAIL_EDGES_NONE,
    OPP_TRAIL_EDGES_FIRST,
    OPP_TRAIL_EDGES_LAST,
    OPP_TRAIL_EDGES_FOUND
};

/* Zero it, and set the first four; 0: any. Times of rows hardly ever go back, but they may: the span has no gaps, and
 * so may hold a row beyond the times at either end. */
struct opp_trail_edges {
    int64_t since_ms, until_ms; /* from the first row that is not before since up to the last before until */
    int64_t from, to;           /* and among these rows */
    /* What was found: */
    int64_t lowest, highest;     /* rows that were looked at; 0: there is none */
    int64_t first, last;         /* the span; 0: it is empty */
    char previous[OPP_HASH_HEX]; /* the hash of the row before the first */
    /* How it works: */
    enum opp_trail_edges_stage stage;
    int64_t at;
};

/* Looks through one stretch, in a read transaction; again, in others, until the stage is FOUND. */
enum opp_code opp_trail_edges_seek(struct opp_trail_edges *edges, struct opp_tx *tx, struct opp_err *err);

#endif
