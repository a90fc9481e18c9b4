/* SPDX-License-Identifier: MIT
 *
 * command/grant.h - tokens that are made while nobody is there to ask for them: by --demo and by token create.
 * May include: audit, core, store, base.
 */
#ifndef OPP_COMMAND_GRANT_H
#define OPP_COMMAND_GRANT_H

#include "base/error.h"
#include "base/id.h"
#include "base/token.h"

#include <jansson.h>
#include <stdint.h>

struct opp_tx;

/* The token itself is nowhere but here. */
struct opp_grant {
    char id[OPP_ID_MAX]; /* of the key or admin token */
    char app_id[OPP_ID_MAX];
    char token[OPP_TOKEN_MAX];
};

/* Who gets an admin token; all lent. */
struct opp_grant_person {
    const char *user_id, *name;
    json_t *roles;
    json_t *org_ids;     /* NULL: all */
    const char *made_by; /* for the audit trail */
    int64_t now_ms;
};

/* Which workspace app is made, with one key and no automatic execution; all lent. */
struct opp_grant_app {
    const char *name, *org_id, *service_user_id;
    json_t *scopes;
    const char *made_by;
    int64_t now_ms;
};

/* In a write transaction: the record or records, and an audit row. Codes as opp_tx_insert and opp_audit_append; then
 * the transaction must not succeed. */
enum opp_code opp_grant_to_person(struct opp_tx *tx, const struct opp_grant_person *person, struct opp_grant *out,
                                  struct opp_err *err);
enum opp_code opp_grant_to_app(struct opp_tx *tx, const struct opp_grant_app *app, struct opp_grant *out,
                               struct opp_err *err);

#endif
