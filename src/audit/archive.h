/* SPDX-License-Identifier: MIT
 *
 * audit/archive.h - moves the beginning of the trail into a file that can be verified, up to a checkpoint.
 * May include: audit, store, base.
 */
#ifndef OPP_AUDIT_ARCHIVE_H
#define OPP_AUDIT_ARCHIVE_H

#include "base/error.h"
#include "base/hash.h"
#include "base/sign.h"

#include <stdatomic.h>
#include <stdint.h>

struct opp_store;

struct opp_archive {
    struct opp_store *store;        /* that writes */
    const char *dir;                /* the store's, where it is read */
    const struct opp_sign_key *key; /* that the checkpoints are signed with */
    const char *path;               /* of the file, which must not be there yet */
    int64_t before_ms;              /* up to the newest checkpoint that was signed before */
    int64_t now_ms;
    const char *by;            /* who does it, for the trail */
    const char *request_id;    /* for the trail; NULL: none */
    const atomic_bool *cancel; /* when it becomes true, no more is done; NULL: never */
    /* What was done: */
    int64_t from, to; /* the rows that are in the file now and in the store no more; to 0: nothing */
    char hash[OPP_HASH_HEX];
};

/* The whole trail is verified, the rows are written, the file is made durable and verified, and only then they are
 * deleted: about a thousand rows, up to a checkpoint, in each transaction, with a row that says so; the checkpoint that
 * they end with stays. From a thread that may wait; others may use the store meanwhile. OPP_E_VALIDATION: the trail
 * does not hold, and nothing was done. OPP_E_EXISTS: the file is there. OPP_E_IO, OPP_E_UNAVAILABLE, OPP_E_MEMORY: if
 * the file is there it is whole, and of its rows those that were not deleted are in the store. */
enum opp_code opp_audit_archive(struct opp_archive *archive, struct opp_err *err);

#endif
