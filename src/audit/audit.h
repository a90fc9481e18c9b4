/* SPDX-License-Identifier: MIT
 *
 * audit/audit.h - the audit trail: one row an event, each holding the hash of the one before.
 * May include: store, base.
 */
#ifndef OPP_AUDIT_AUDIT_H
#define OPP_AUDIT_AUDIT_H

#include "base/error.h"

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
    const json_t *rules; /* what the rules said, as details' member "rules"; NULL: none spoke */
    int64_t created_at;  /* milliseconds */
};

/* Appends the event in a write transaction. The row's hash is the SHA-256 of its RFC 8785 bytes without event_hash.
 * OPP_E_MEMORY, OPP_E_UNAVAILABLE: then the transaction must not succeed. */
enum opp_code opp_audit_append(struct opp_tx *tx, const struct opp_audit_event *event, struct opp_err *err);

#endif
