/* SPDX-License-Identifier: MIT
 *
 * adapter/effect_internal.h - an effect from the inside: how it is made of what Lua says, resolved and run.
 * May include: script, store, base, adapter.
 */
#ifndef OPP_ADAPTER_EFFECT_INTERNAL_H
#define OPP_ADAPTER_EFFECT_INTERNAL_H

#include "adapter/effect.h"
#include "adapter/internal.h"
#include "adapter/lane.h"
#include "adapter/sql_bind.h"

struct opp_effect {
    json_t *data;
    const struct opp_database *database;         /* NULL: it writes to none */
    const struct opp_adapter_upstream *upstream; /* NULL: it is no request; lent by the adapter */
    json_t *loaded;               /* what execute was given, where functions of its effect are asked later; or NULL */
    struct opp_recording queries; /* of that database, repeated by the writer */
};

/* effect_build.c: makes run->effect of the marker at index that execute gave, with a message for what is wrong with
 * it. May jump. */
void lj_effect_build(struct lua_State *L, struct opp_adapter_call *run, int index);

/* Takes run->effect and the queries that belong to it. OPP_E_MEMORY. */
enum opp_code opp_effect_make(struct opp_adapter_call *run, struct opp_effect **out, struct opp_err *err);

/* Tells the caller; err is looked at where rc is not OPP_OK. */
void opp_effect_finish(struct opp_effect_op *op, enum opp_code rc, const struct opp_err *err);

/* Gives a template with its symbols replaced; rows holds what statements gave, by name. OPP_E_SCRIPT: a row lacks the
 * field. OPP_E_MEMORY. */
enum opp_code opp_symbols_resolve(const json_t *pattern, const struct opp_sql_host *host, const json_t *rows,
                                  json_t **out, struct opp_err *err);

/* sql_effect.c: on the writer's thread, in a savepoint of its own. Gives the result, an earlier one if there is a
 * receipt. OPP_E_STALE, OPP_E_PRECONDITION, OPP_E_ACTION_INVALID, OPP_E_SCRIPT, OPP_E_MEMORY, or what opp_db_error
 * says. */
enum opp_code opp_sql_apply(struct opp_db *db, const struct opp_effect *effect, const char *action,
                            const struct opp_sql_host *host, json_t **out, struct opp_err *err);

/* sql_receipt.c: gives the result in the receipt of effect_id. OPP_E_ABSENT: there is none. */
enum opp_code opp_sql_receipt(struct opp_db *db, const char *effect_id, json_t **out, struct opp_err *err);
enum opp_code opp_sql_write_receipt(struct opp_db *db, const char *action, const struct opp_sql_host *host,
                                    const json_t *result, struct opp_err *err);

#endif
