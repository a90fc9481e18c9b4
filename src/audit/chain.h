/* SPDX-License-Identifier: MIT
 *
 * audit/chain.h - checks rows as they come, one after the other, wherever they come from.
 * May include: audit, store, base.
 */
#ifndef OPP_AUDIT_CHAIN_H
#define OPP_AUDIT_CHAIN_H

#include "base/buf.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

struct opp_audit_row;

#define OPP_CHAIN_WHY_MAX 256

/* Where a check has come to. */
struct opp_chain {
    int64_t seq;                 /* of the last row, as its place in the chain says */
    char link[OPP_HASH_HEX];     /* of all so far, see audit/checkpoint.h; empty: what was before is not known */
    char hash[OPP_HASH_HEX];     /* of that row */
    int64_t rows;                /* that were checked */
    int64_t first_bad;           /* the place of the first row that is not what it should be; 0: none so far */
    char why[OPP_CHAIN_WHY_MAX]; /* what is wrong with it */
    struct opp_buf scratch;
};

/* Before the row seq + 1, whose predecessor has this hash; hash NULL: before the very first, whose has 64 zeros. */
void opp_chain_begin(struct opp_chain *chain, int64_t seq, const char *hash);
void opp_chain_clear(struct opp_chain *chain);

/* One row: its bytes, and the hash that is said to be theirs. Its number is the next, its bytes name the hash of the
 * row before, and they have the hash. beside, if there is one, are the columns, which say what the bytes say. */
struct opp_chain_row {
    const char *bytes, *event_hash;
    size_t length;
    const struct opp_audit_row *beside;
};
/* After a row that is bad the check goes on, for the count; only the first is told. */
void opp_chain_add(struct opp_chain *chain, const struct opp_chain_row *row);

/* Says that a row is bad for a reason that the caller knows, if none was found before. */
void opp_chain_blame(struct opp_chain *chain, int64_t seq, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
