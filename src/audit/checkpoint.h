/* SPDX-License-Identifier: MIT
 *
 * audit/checkpoint.h - a checkpoint says, signed, which hash the chain had at which row and when; and the key for it.
 * May include: store, base.
 */
#ifndef OPP_AUDIT_CHECKPOINT_H
#define OPP_AUDIT_CHECKPOINT_H

#include "base/error.h"
#include "base/hash.h"
#include "base/sign.h"
#include "store/records.h"

#include <jansson.h>
#include <stdbool.h>

struct opp_tx;

/* A place in the chain. */
struct opp_chain_point {
    int64_t seq;
    char hash[OPP_HASH_HEX], link[OPP_HASH_HEX];
};

#define OPP_AUDIT_KEY_FILE "audit.key"

/* Gives the key in a data directory. make: one is made (mode 0600, durable) where there is none, and *made tells so;
 * else OPP_E_ABSENT. OPP_E_CONFIG: the file holds no Ed25519 key. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_audit_key_open(const char *data_dir, bool make, struct opp_sign_key **out, bool *made,
                                 struct opp_err *err);
/* Gives the key of a PEM file, public or private. Codes as above. */
enum opp_code opp_audit_key_load(const char *path, struct opp_sign_key **out, struct opp_err *err);

/* A link is a hash of all hashes of rows so far: the SHA-256 of the link before, in hex, and the row's hash behind it;
 * 64 zeros at first. With it, rows can be shown to lie on the chain without what is in the rows between them. */
void opp_checkpoint_link(char link[OPP_HASH_HEX], const char *event_hash);

/* Gives a checkpoint of a row, signed. What is signed are the RFC 8785 bytes of {"hash", "link", "seq", "time"}.
 * OPP_E_MEMORY, OPP_E_INTERNAL. */
enum opp_code opp_checkpoint_make(const struct opp_sign_key *key, const struct opp_chain_point *point, int64_t time_ms,
                                  struct opp_checkpoint **out, struct opp_err *err);

/* Goes on with the links of stored rows from a point (zeroed: from the first row) up to row seq, or from the checkpoint
 * before it where that is nearer. OPP_E_UNAVAILABLE: there is a gap, or no such row. */
enum opp_code opp_checkpoint_reach(struct opp_tx *tx, struct opp_chain_point *point, int64_t seq, struct opp_err *err);

/* Whether the key signed it. */
bool opp_checkpoint_holds(const struct opp_checkpoint *checkpoint, const struct opp_sign_key *key);

/* Gives {hash, key, link, seq, signature, time}; NULL: no memory. And back: OPP_E_VALIDATION: it is none. */
json_t *opp_checkpoint_show(const struct opp_checkpoint *checkpoint);
enum opp_code opp_checkpoint_read(const json_t *shown, struct opp_checkpoint **out, struct opp_err *err);

/* Gives the newest stored checkpoint of a row below seq (0: of any row), or the first of seq and above. OPP_E_ABSENT.
 */
enum opp_code opp_checkpoint_before(struct opp_tx *tx, int64_t seq, struct opp_checkpoint **out, struct opp_err *err);
enum opp_code opp_checkpoint_from(struct opp_tx *tx, int64_t seq, struct opp_checkpoint **out, struct opp_err *err);

#endif
