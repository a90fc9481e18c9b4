/* SPDX-License-Identifier: MIT
 *
 * audit/checkpoint.h - a checkpoint says, signed, which hash the chain had at which row and when; and the key for it.
 * May include: store, base.
 */
#ifndef OPP_AUDIT_CHECKPOINT_H
#define OPP_AUDIT_CHECKPOINT_H

#include "base/error.h"
#include "base/sign.h"
#include "store/records.h"

#include <jansson.h>
#include <stdbool.h>

struct opp_tx;

#define OPP_AUDIT_KEY_FILE "audit.key"

/* Gives the key in a data directory. make: one is made (mode 0600, durable) where there is none, and *made tells so;
 * else OPP_E_ABSENT. OPP_E_CONFIG: the file holds no Ed25519 key. OPP_E_IO, OPP_E_MEMORY. */
enum opp_code opp_audit_key_open(const char *data_dir, bool make, struct opp_sign_key **out, bool *made,
                                 struct opp_err *err);
/* Gives the key of a PEM file, public or private. Codes as above. */
enum opp_code opp_audit_key_load(const char *path, struct opp_sign_key **out, struct opp_err *err);

/* Gives a checkpoint of a row, signed. What is signed are the RFC 8785 bytes of {"hash", "seq", "time"}.
 * OPP_E_MEMORY, OPP_E_INTERNAL. */
enum opp_code opp_checkpoint_make(const struct opp_sign_key *key, int64_t seq, const char *hash, int64_t time_ms,
                                  struct opp_checkpoint **out, struct opp_err *err);

/* Whether the key signed it. */
bool opp_checkpoint_holds(const struct opp_checkpoint *checkpoint, const struct opp_sign_key *key);

/* Gives {hash, key, seq, signature, time}; NULL: no memory. And back: OPP_E_VALIDATION: it is none. */
json_t *opp_checkpoint_show(const struct opp_checkpoint *checkpoint);
enum opp_code opp_checkpoint_read(const json_t *shown, struct opp_checkpoint **out, struct opp_err *err);

/* Gives the newest stored checkpoint of a row below seq (0: of any row), or the first of seq and above. OPP_E_ABSENT.
 */
enum opp_code opp_checkpoint_before(struct opp_tx *tx, int64_t seq, struct opp_checkpoint **out, struct opp_err *err);
enum opp_code opp_checkpoint_from(struct opp_tx *tx, int64_t seq, struct opp_checkpoint **out, struct opp_err *err);

#endif
