/* SPDX-License-Identifier: MIT
 *
 * audit/trail_kit.h - a trail for one test: rows, checkpoints of them, and ways to look at them.
 * May include: audit, store, base.
 */
#ifndef OPP_TESTS_TRAIL_KIT_H
#define OPP_TESTS_TRAIL_KIT_H

#include "audit/verify.h"
#include "base/sign.h"
#include "store/records.h"
#include "store/store_kit.h"

struct trail_kit {
    struct kit kit;
    struct opp_sign_key *key;
    char file[KIT_PATH_MAX]; /* in the same directory, not yet there */
};

void trail_make(struct trail_kit *trail);
void trail_remove(struct trail_kit *trail);

/* Appends rows whose creation times count up from first_ms, each a millisecond. */
void trail_append(struct trail_kit *trail, int count, int64_t first_ms);
/* Signs the newest row, as at this time, and stores the checkpoint, which it gives. */
struct opp_checkpoint *trail_sign(struct trail_kit *trail, int64_t time_ms);
/* Runs SQL of its own on the closed store, which is opened again. */
void trail_damage(struct trail_kit *trail, const char *sql);

struct verdict {
    int64_t rows, first_bad, checkpoints;
    char why[OPP_CHAIN_WHY_MAX];
};
/* Of the store, held against the kit's key and a checkpoint (NULL: none), in pieces of so many rows. */
struct verdict trail_verify(struct trail_kit *trail, struct opp_checkpoint *kept, size_t piece);
/* Of the rows behind a checkpoint alone. */
struct verdict trail_verify_from(struct trail_kit *trail, const struct opp_checkpoint *checkpoint);
/* Of files, NULL-terminated, and then of the store (trail not NULL). */
struct verdict trail_verify_files(struct trail_kit *trail, const struct opp_sign_key *key, const char *const *files,
                                  bool store);
/* Writes rows from to to (0: all) to the kit's file. */
void trail_export(struct trail_kit *trail, int64_t from, int64_t to);

#endif
