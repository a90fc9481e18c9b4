/* SPDX-License-Identifier: MIT
 *
 * core/evidence.h - what was asked, seen, decided and done, tied to the audit trail so that it can be shown to
 * strangers. May include: audit, store, base, core.
 *
 * Audit rows carry hashes of a draft's parts as they were stored with the row: draftHash where the draft was made or
 * completed, decisionHash where somebody decided, outcomeHash where it was known what became of it.
 */
#ifndef OPP_CORE_EVIDENCE_H
#define OPP_CORE_EVIDENCE_H

#include "base/error.h"
#include "base/hash.h"
#include "store/records.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct opp_sign_key;
struct opp_tx;

/* The hash of a draft as the evidence shows it. OPP_E_MEMORY. */
enum opp_code opp_evidence_hash_draft(const struct opp_draft *draft, char hash[OPP_HASH_HEX], struct opp_err *err);
/* Put the hash of a part, as the evidence shows it, into the details of an audit row. OPP_E_MEMORY, also when details
 * is NULL. */
enum opp_code opp_evidence_bind_decision(json_t *details, const struct opp_draft *draft, struct opp_err *err);
enum opp_code opp_evidence_bind_outcome(json_t *details, const struct opp_execution *execution, struct opp_err *err);

/* Gives the evidence of a draft: its parts, and the rows about it among the hashes of the rows between them, up to the
 * next checkpoint; and its "problem", where these do not fit together any more. execution may be NULL. In a read
 * transaction. OPP_E_UNAVAILABLE: the trail has a gap there. */
enum opp_code opp_evidence_make(struct opp_tx *tx, const struct opp_draft *draft, const struct opp_execution *execution,
                                const struct opp_sign_key *key, json_t **out, struct opp_err *err);

/* How a problem begins that may be one of rows that are no longer there. */
#define OPP_EVIDENCE_UNCOVERED "no audit row covers"

/* Checks evidence with nothing but itself and the key (NULL: the one that it brings along). OPP_OK: it holds.
 * OPP_E_VALIDATION: it does not, and err says where. OPP_E_MEMORY. */
struct opp_evidence_verdict {
    size_t rows;         /* about the draft */
    int64_t first, last; /* of them */
    bool all_signed;     /* each lies before a checkpoint */
};
enum opp_code opp_evidence_verify(const json_t *evidence, const struct opp_sign_key *key,
                                  struct opp_evidence_verdict *out, struct opp_err *err);

/* The same without looking at signatures. */
enum opp_code opp_evidence_check(const json_t *evidence, struct opp_err *err);

#endif
