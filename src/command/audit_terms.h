/* SPDX-License-Identifier: MIT
 *
 * command/audit_terms.h - the keys and the checkpoints that a check of the audit trail was given.
 * May include: audit, store, base, command.
 */
#ifndef OPP_COMMAND_AUDIT_TERMS_H
#define OPP_COMMAND_AUDIT_TERMS_H

#include "audit/verify.h"
#include "base/error.h"

#include <jansson.h>

#define OPP_AUDIT_KEYS_MAX 16

struct opp_audit_terms {
    struct opp_sign_key *keys[OPP_AUDIT_KEYS_MAX];
    struct opp_checkpoint **checkpoints;
    struct opp_verify_terms terms; /* of the above */
    size_t unreadable;             /* lines that are no JSON */
};

/* Gives what the files in the lists keys and checkpoints hold (either may be NULL). With keys, only they count;
 * otherwise that of the data directory does (NULL: none), if it is there. A file of checkpoints has lines of JSON, as
 * audit.checkpoint_file and the log have, or an answer of GET audit/checkpoints. Clear it, whatever it gives.
 * OPP_E_CONFIG, OPP_E_ABSENT, OPP_E_IO, OPP_E_MEMORY; err names the file. */
enum opp_code opp_audit_terms_load(const json_t *keys, const json_t *checkpoints, const char *data_dir,
                                   struct opp_audit_terms *out, struct opp_err *err);
void opp_audit_terms_clear(struct opp_audit_terms *terms);

#endif
