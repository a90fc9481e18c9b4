/* SPDX-License-Identifier: MIT
 *
 * core/draft.h - an agent's drafts: to read, to wait for, to cancel; and how any pending draft ends unexecuted.
 * May include: store, base, core.
 */
#ifndef OPP_CORE_DRAFT_H
#define OPP_CORE_DRAFT_H

#include "core/call.h"

struct opp_draft;
struct opp_gateway;
struct opp_query;
struct opp_tx;

extern const struct opp_flow OPP_FLOW_DRAFT_GET, OPP_FLOW_DRAFT_LIST, OPP_FLOW_DRAFT_CANCEL;

/* How a pending draft ends without an effect. */
struct opp_draft_end {
    const char *status;         /* canceled, or failed */
    enum opp_code failure;      /* OPP_OK: none */
    const char *failure_reason; /* may be NULL */
    json_t *review;             /* lent; may be NULL */
    int64_t now_ms, key_lifetime_ms;
};

/* Ends the draft in a write transaction; *draft is the record as the caller read it in the same transaction.
 * OPP_E_DRAFT_FINAL: it is not pending. */
enum opp_code opp_draft_end(struct opp_tx *tx, struct opp_draft *draft, const struct opp_draft_end *end,
                            struct opp_err *err);

/* Cancels the pending drafts of a key in a write transaction: the key was revoked. */
enum opp_code opp_drafts_end_of_key(struct opp_tx *tx, const char *key_id, const struct opp_draft_end *end,
                                    struct opp_err *err);

bool opp_draft_overdue(const struct opp_call *call, const struct opp_draft *draft);
/* Expires a draft in a write transaction, as opp_draft_end, with its audit row. */
enum opp_code opp_draft_expire(struct opp_tx *tx, struct opp_draft *draft, struct opp_gateway *gateway,
                               const char *request_id, struct opp_err *err);

/* Adds the conditions of a list of drafts on their status, and on their execution's: words that its schema has. */
void opp_draft_filter(const struct opp_call *call, struct opp_query *query);

/* Expires one overdue draft, audited, before the flow goes on. Where that fails the flow ends by its step
 * opp_draft_not_expired, behind its others: who looked again would find the draft overdue for ever. */
enum opp_step opp_draft_expire_now(struct opp_call *call, const char *draft_id);
enum opp_step opp_draft_not_expired(struct opp_call *call);

#endif
