/* SPDX-License-Identifier: MIT
 *
 * audit/audit.h - the audit trail: one row an event, each holding the hash of the one before.
 * May include: store, base.
 */
#ifndef OPP_AUDIT_AUDIT_H
#define OPP_AUDIT_AUDIT_H

#include "base/error.h"
#include "base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_tx;

/* What is recorded; NULL members become null, and what is not ASCII in a text that is no UTF-8 becomes ?. No token,
 * header or sensitive field may be in details. */
struct opp_audit_event {
    const char *action, *status; /* status: success, denied or failed */
    enum opp_code code;
    const char *app_id, *org_id, *key_id, *actor_user_id, *performed_by_user_id;
    const char *request_id, *client_request_id, *draft_id, *execution_id, *ip, *user_agent;
    const char *policy_generation;
    const json_t *details;
    int64_t created_at; /* milliseconds */
};

/* Appends the event in a write transaction. The row's hash is the SHA-256 of its RFC 8785 bytes without event_hash.
 * OPP_E_MEMORY, OPP_E_UNAVAILABLE: then the transaction must not succeed. */
enum opp_code opp_audit_append(struct opp_tx *tx, const struct opp_audit_event *event, struct opp_err *err);

struct opp_audit_verdict {
    int64_t rows;
    int64_t first_bad; /* 0: the chain holds from the first row to the newest */
};

/* Recomputes the whole chain, and compares each row with what stands beside it for lists (but the organisation, which
 * is not in the row). A cut tail, or a chain that was rewritten to its end, needs a head that was kept elsewhere.
 * OPP_OK also when the chain does not hold. */
enum opp_code opp_audit_verify(struct opp_tx *tx, struct opp_audit_verdict *out, struct opp_err *err);

/* The same in pieces, for a loop that has other work too. Zero it. */
struct opp_audit_walk {
    struct opp_audit_verdict verdict; /* of what was walked */
    bool done;
    int64_t last_seq;
    char previous[OPP_HASH_HEX];
};
/* Goes on for at most so many rows, each piece in a read transaction of its own. */
enum opp_code opp_audit_walk(struct opp_tx *tx, struct opp_audit_walk *walk, size_t rows, struct opp_err *err);

#endif
