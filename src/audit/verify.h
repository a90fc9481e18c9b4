/* SPDX-License-Identifier: MIT
 *
 * audit/verify.h - the check of a whole trail: its chain, where it begins, and the checkpoints that were signed of it.
 * May include: audit, store, base.
 */
#ifndef OPP_AUDIT_VERIFY_H
#define OPP_AUDIT_VERIFY_H

#include "audit/chain.h"
#include "base/error.h"
#include "base/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_checkpoint;
struct opp_tx;

/* The action of the row that says up to where the trail was archived. */
#define OPP_AUDIT_ARCHIVE_ACTION "audit.archive"

/* What a trail is held against; all lent, all may be left out. */
struct opp_verify_terms {
    const struct opp_sign_key *const *keys; /* that may have signed checkpoints */
    size_t key_count;
    bool strict;                               /* a checkpoint that none of them signed is bad; else it is counted */
    struct opp_checkpoint *const *checkpoints; /* that were kept elsewhere, in the order of their rows */
    size_t checkpoint_count;
};

/* Zero it, and set terms. */
struct opp_verify {
    struct opp_verify_terms terms;
    struct opp_chain chain;
    int64_t first;                /* the first row that was checked; 0: none yet */
    int64_t checkpoints, foreign; /* that lie on the chain; of those, signed by a key that is not known */
    int64_t last_checkpoint, last_checkpoint_time;
    int64_t kept, last_kept; /* of terms.checkpoints, how many lie on the chain, and the row of the last */
    bool done;
    /* How it works: */
    size_t next;                   /* of terms.checkpoints */
    struct opp_checkpoint *stored; /* the next one that the store has */
    bool begun, stored_asked;
    int64_t last_stored_row;   /* its number in the store, whatever its place is */
    bool in_store;             /* it was read there */
    struct opp_chain archived; /* where the trail was cut, if it was: seq and hash */
    bool archive_named;
};
void opp_verify_clear(struct opp_verify *verify);

/* Goes on for at most so many rows of the store (0: all), each piece in a read transaction of its own. A trail that
 * does not begin with row 1 begins behind a checkpoint, and a row of it says that it was archived up to there. After
 * opp_verify_go_on it goes on from there instead. Where an archiving has overtaken it between two pieces, it begins
 * anew with what is left. done: the end was reached. OPP_OK also when something is bad, which verify->chain says. */
enum opp_code opp_verify_rows(struct opp_verify *verify, struct opp_tx *tx, size_t rows, struct opp_err *err);

/* For other sources than the store: where the first row comes after, or, where rows came before, that the next ones
 * continue them; each row, each checkpoint between the rows, and the end. */
void opp_verify_go_on(struct opp_verify *verify, int64_t seq, const char *hash);
void opp_verify_row(struct opp_verify *verify, const struct opp_chain_row *row);
void opp_verify_checkpoint(struct opp_verify *verify, const struct opp_checkpoint *checkpoint);
void opp_verify_end(struct opp_verify *verify);

/* Before opp_verify_rows: begins in the store behind a checkpoint, whose row has to be there unless it was archived. */
enum opp_code opp_verify_from(struct opp_verify *verify, struct opp_tx *tx, const struct opp_checkpoint *checkpoint,
                              struct opp_err *err);

/* The whole of the store in one transaction. */
enum opp_code opp_verify_all(struct opp_verify *verify, struct opp_tx *tx, struct opp_err *err);

#endif
