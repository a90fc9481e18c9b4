/* SPDX-License-Identifier: MIT */
#include "store/wal_bound.h"

#include "base/clock.h"
#include "store/db.h"

#include <sqlite3.h>

#define CHECKPOINT_PAGES 1000
#define FRAME_BYTES (4096 + 24)
#define READERS_WAIT_MS 50

/* After a commit. What cannot be copied now, because of a reader or the disk, is copied later. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct opp_wal_bound *bound = arg;

    bound->pages = (size_t)pages;
    if (pages < CHECKPOINT_PAGES)
        bound->next_try = bound->pages_max / 4;
    if (pages >= CHECKPOINT_PAGES)
        sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

void opp_wal_bound_start(struct opp_wal_bound *bound, struct opp_db *db, size_t bytes_max)
{
    /* An eighth is for the transaction that is begun just below the bound. */
    *bound = (struct opp_wal_bound){ .db = db, .pages_max = bytes_max / FRAME_BYTES / 8 * 7 };
    bound->next_try = bound->pages_max / 4;
    sqlite3_wal_hook(opp_db_handle(db), on_commit, bound);
}

/* Copies all and waits until no reader needs the log any more; new ones already do without it. */
static void begin_anew(struct opp_wal_bound *bound)
{
    sqlite3 *db = opp_db_handle(bound->db);
    int result;

    opp_db_deadline(bound->db, opp_monotonic_ms() + READERS_WAIT_MS);
    result = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    opp_db_deadline(bound->db, 0);
    if (result == SQLITE_OK)
        bound->pages = 0;
}

enum opp_code opp_wal_bound_keep(struct opp_wal_bound *bound, struct opp_err *err)
{
    size_t step = bound->pages_max / 16;

    if (bound->pages < bound->next_try)
        return OPP_OK;
    begin_anew(bound);
    if (bound->pages >= bound->pages_max)
        return opp_fail(err, OPP_E_UNAVAILABLE, "a reader keeps the log from being emptied");
    bound->next_try = bound->pages + step < bound->pages_max / 4 ? bound->pages_max / 4 : bound->pages + step;
    if (bound->next_try > bound->pages_max)
        bound->next_try = bound->pages_max;
    return OPP_OK;
}
