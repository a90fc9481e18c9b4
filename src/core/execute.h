/* SPDX-License-Identifier: MIT
 *
 * core/execute.h - a claimed intent becomes an effect, and what became of it is recorded, once.
 * May include: adapter, audit, store, base, core.
 */
#ifndef OPP_CORE_EXECUTE_H
#define OPP_CORE_EXECUTE_H

#include "core/intent.h"

struct opp_gateway;
struct opp_tx;

/* In the claim's transaction: the draft, which is pending in the store or new, becomes confirmed, with a pending
 * execution. insert: the draft is new. OPP_E_DRAFT_FINAL: it is no longer pending. */
enum opp_code opp_execute_claim(struct opp_call *call, struct opp_tx *tx, bool insert, struct opp_err *err);

/* In the same transaction, before it: OPP_E_EXECUTION_UNKNOWN when nobody knows yet what became of an execution of the
 * draft's app and intent, so that this one could be the second; OPP_E_UNAVAILABLE when it will be known in a moment
 * (stranded may be NULL). opp_execute_blocked gives a refusal's details of the former's err: {action, reason, unknown:
 * {draftId, executionId}}. */
struct opp_stranded;
enum opp_code opp_execute_unblocked(struct opp_tx *tx, const struct opp_draft *draft,
                                    const struct opp_stranded *stranded, struct opp_err *err);
json_t *opp_execute_blocked(const char *action, const struct opp_err *err);
#define OPP_BLOCKED_MESSAGE "It is not known yet whether the same action has happened already."

/* Gives the intent an execution, not yet stored. OPP_E_MEMORY. */
enum opp_code opp_execute_begin(struct opp_call *call);

/* Steps after the claim: the effect is applied; if the world moved meanwhile, it is judged again from opp_step_load on,
 * which must come before these in the flow; the outcome is stored. Only a success goes on after the last. */
enum opp_step opp_step_apply(struct opp_call *call);
enum opp_step opp_step_applied(struct opp_call *call);
enum opp_step opp_step_settle(struct opp_call *call);
enum opp_step opp_step_settled(struct opp_call *call);

/* A claimed intent is refused: nothing was applied, and the outcome says so. */
enum opp_step opp_execute_fail(struct opp_call *call, enum opp_code code, const char *message, json_t *details);

/* Writes an execution's outcome, its draft's and its key's end, and the audit row. */
struct opp_settlement {
    struct opp_draft *draft; /* its head is enough; NULL: it is gone */
    struct opp_execution *execution;
    enum opp_code code;     /* OPP_OK: success; OPP_E_EXECUTION_UNKNOWN: unknown; else failed */
    json_t *result, *error; /* lent */
    json_t *resolution;     /* lent; NULL: no person said so */
    const char *reason;     /* for draft.failure; may be NULL */
    int64_t now_ms, key_lifetime_ms;
};
enum opp_code opp_settlement_write(struct opp_tx *tx, const struct opp_settlement *outcome, struct opp_err *err);

/* Lets a draft's idempotency key end so long after now. */
enum opp_code opp_key_expire(struct opp_tx *tx, const struct opp_draft *draft, int64_t at_ms, struct opp_err *err);

/* The id of a key's row: "<app_id> <key>". */
#define OPP_KEY_ROW_MAX 320
void opp_key_row(char id[OPP_KEY_ROW_MAX], const char *app_id, const char *key);

#endif
