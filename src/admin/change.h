/* SPDX-License-Identifier: MIT
 *
 * admin/change.h - what all admin changes have in common: one transaction, its audit row, and one answer.
 * May include: core, store, base.
 */
#ifndef OPP_ADMIN_CHANGE_H
#define OPP_ADMIN_CHANGE_H

#include "base/error.h"
#include "base/token.h"
#include "core/call.h"
#include "store/tx.h"

/* The state of every changing flow. */
struct opp_change {
    json_t *answer;  /* what the transaction wants answered */
    json_t *details; /* of a refusal, or of the audit row */
    char token[OPP_TOKEN_MAX];
    struct opp_app *app;
    struct opp_key *key;
};

void opp_change_dispose(void *state);

/* The last step of a change: tells everybody who waits, and answers with change->answer or with what went wrong:
 * OPP_E_ABSENT is agent.not_found, OPP_E_VALIDATION an issue at err.where. */
enum opp_step opp_change_answer(struct opp_call *call);

/* Reads the app of the path's id into change->app, if this person may see it. OPP_E_ABSENT. */
enum opp_code opp_change_find_app(struct opp_call *call, struct opp_tx *tx, const char *app_id, struct opp_err *err);

/* Refuses a person who is limited to organisations what concerns all of them: 403, org_limited. */
enum opp_step opp_change_refuse_limited(struct opp_call *call);

/* Gives a sentence for every scope that no tool asks for. */
json_t *opp_scope_warnings(struct opp_call *call, json_t *scopes);

/* In the transaction: says that the registry changed and writes the audit row, with change->details. */
enum opp_code opp_change_record(struct opp_call *call, struct opp_tx *tx, const char *action, struct opp_err *err);

/* Makes a key of the app with a token (change->key, change->token) and stores it. OPP_E_VALIDATION: expiresAt. */
enum opp_code opp_change_add_key(struct opp_call *call, struct opp_tx *tx, const json_t *asked, struct opp_err *err);

/* Revokes change->key, or all of the app's, in the transaction, and cancels their pending drafts. */
enum opp_code opp_change_revoke_key(struct opp_call *call, struct opp_tx *tx, struct opp_key *key, struct opp_err *err);
enum opp_code opp_change_revoke_keys(struct opp_call *call, struct opp_tx *tx, const char *app_id, struct opp_err *err);

#endif
