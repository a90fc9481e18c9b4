/* SPDX-License-Identifier: MIT
 *
 * store/wal_bound.h - a writer's write-ahead log is checkpointed, emptied and never larger than it may be; for the
 * writer's thread alone.
 * May include: base, store.
 */
#ifndef OPP_STORE_WAL_BOUND_H
#define OPP_STORE_WAL_BOUND_H

#include "base/error.h"

#include <stddef.h>

struct opp_db;

struct opp_wal_bound {
    struct opp_db *db;
    size_t pages; /* in the log since it was last begun anew */
    size_t pages_max;
    size_t next_try; /* pages at which to wait for readers again */
};

/* Takes checkpointing over from SQLite, whose own never waits for readers: where one is always reading, its log never
 * begins anew. bound must live as long as db. */
void opp_wal_bound_start(struct opp_wal_bound *bound, struct opp_db *db, size_t bytes_max);

/* Between transactions: lets the log begin anew when it is large, waiting a moment for readers. OPP_E_UNAVAILABLE: it
 * is as large as it may be and a reader keeps it so. */
enum opp_code opp_wal_bound_keep(struct opp_wal_bound *bound, struct opp_err *err);

#endif
