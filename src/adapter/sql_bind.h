/* SPDX-License-Identifier: MIT
 *
 * adapter/sql_bind.h - named parameters: every one that a statement has is given, and every one given is used.
 * May include: script, store, base, adapter.
 */
#ifndef OPP_ADAPTER_SQL_BIND_H
#define OPP_ADAPTER_SQL_BIND_H

#include "base/error.h"
#include "base/rows.h"

#include <jansson.h>
#include <stdbool.h>

struct lua_State;
struct opp_db;
struct sqlite3;
struct sqlite3_stmt;

/* Whether the first word of sql, comments aside, is one of those, NULL-terminated, in upper case. */
bool opp_sql_begins_with(const char *sql, const char *const *words);
extern const char *const opp_sql_read_words[];
extern const char *const opp_sql_write_words[];

/* Binds from the table or view at index; nil binds none. What is bound stays on the stack and is lent to the statement:
 * reset it and clear its bindings before the stack unwinds. May jump. */
void lj_sql_bind(struct lua_State *L, struct sqlite3_stmt *statement, int index);

/* What the host binds by itself in an effect: now, now_ms, effect_id, new_id_<n>. */
struct opp_sql_host {
    const char *effect_id;
    const json_t *new_ids; /* prefixes; may be NULL */
    int64_t now_ms;
    bool lenient; /* what a result names and is not there is null: it happened, whatever was answered */
};
/* Whether a name is the host's, so that no adapter may give it. */
bool opp_sql_is_host_name(const char *name);

/* Binds from an object of scalars and {"$new_id": {n, prefix}}; host may be NULL. OPP_E_SCRIPT, OPP_E_MEMORY. */
enum opp_code opp_sql_bind(struct sqlite3_stmt *statement, const json_t *params, const struct opp_sql_host *host,
                           struct opp_err *err);

/* Appends the statement's current row. OPP_E_SCRIPT: a blob, text that is not UTF-8, an infinite number. */
enum opp_code opp_sql_add_row(struct sqlite3_stmt *statement, struct opp_rows *rows, struct opp_err *err);
/* Gives empty rows with the statement's columns. OPP_E_MEMORY. */
enum opp_code opp_sql_new_rows(struct sqlite3_stmt *statement, struct opp_rows **out, struct opp_err *err);
/* Whether the statement's current row is this row of rows, cell by cell. */
bool opp_sql_same_row(struct sqlite3_stmt *statement, const struct opp_rows *rows, size_t row);

#endif
