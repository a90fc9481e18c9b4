/* SPDX-License-Identifier: MIT
 *
 * core/schemas.h - the JSON Schemas of what clients send to the gateway itself; tools bring their own.
 * May include: base.
 */
#ifndef OPP_CORE_SCHEMAS_H
#define OPP_CORE_SCHEMAS_H

#include "base/error.h"

#include <jansson.h>

enum opp_schema_name {
    OPP_SCHEMA_READ, /* what every read refuses; the rest is the tool's schema */
    OPP_SCHEMA_PREFLIGHT,
    OPP_SCHEMA_ACTION,
    OPP_SCHEMA_DRAFT_GET,
    OPP_SCHEMA_DRAFT_LIST,
    OPP_SCHEMA_DRAFT_CANCEL,
    OPP_SCHEMA_LIST,
    OPP_SCHEMA_APP_CREATE,
    OPP_SCHEMA_APP_PATCH,
    OPP_SCHEMA_APP_POLICY,
    OPP_SCHEMA_AUTO_EXECUTE,
    OPP_SCHEMA_KEY_CREATE,
    OPP_SCHEMA_KEY_ROTATE,
    OPP_SCHEMA_ADMIN_DRAFT_LIST,
    OPP_SCHEMA_APPROVE,
    OPP_SCHEMA_REJECT,
    OPP_SCHEMA_RESOLVE,
    OPP_SCHEMA_AUDIT_LIST,
    OPP_SCHEMA_TOKEN_CREATE,
    OPP_SCHEMA_DECISION_LIST,
    OPP_SCHEMA_POLICY_STAGE,
    OPP_SCHEMA_POLICY_NAMED,
    OPP_SCHEMA_REPLAY,
    OPP_SCHEMA_EVALUATE,
    OPP_SCHEMA_FREEZE,
    OPP_SCHEMA_COUNT
};

struct opp_schemas;

enum opp_code opp_schemas_new(struct opp_schemas **out, struct opp_err *err);
void opp_schemas_free(struct opp_schemas *schemas);

/* OPP_OK, or OPP_E_VALIDATION with *issues (gives), as opp_schema_validate. */
enum opp_code opp_schemas_check(const struct opp_schemas *schemas, enum opp_schema_name name, const json_t *value,
                                json_t **issues, struct opp_err *err);
/* Gives a query's strings as the types that the schema asks for. */
enum opp_code opp_schemas_coerce(const struct opp_schemas *schemas, enum opp_schema_name name, const json_t *query,
                                 json_t **out, struct opp_err *err);

#endif
