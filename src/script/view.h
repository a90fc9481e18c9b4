/* SPDX-License-Identifier: MIT
 *
 * script/view.h - host data as immutable Lua values that look like tables: JSON, rows, and one row.
 * May include: base.
 *
 * Fields are read by indexing, arrays count from 1 and know #; pairs, ipairs, next, table.concat and type understand
 * views. A JSON null or an SQL NULL is the constant null, an absent member is nil. Two views of the same value are ==.
 * What is viewed must not change while a view lives.
 */
#ifndef OPP_SCRIPT_VIEW_H
#define OPP_SCRIPT_VIEW_H

#include "base/rows.h"
#include "script/state.h"

#include <jansson.h>

struct opp_script_function;

/* How a view's root object behaves, and what is known of the objects in it. Zero for neither. */
struct opp_view_options {
    bool strict; /* reading an absent member of the root is an error that names it */
    /* A JSON Schema, lent as arg is, of which properties and items are looked at: in an object whose properties are
     * listed, and not left open by additionalProperties, reading a member that is neither there nor listed is an error
     * that names it. */
    const json_t *shape;
    /* Functions that the root has besides its members; ended by a NULL name. */
    const struct opp_script_function *methods;
    void (*on_read)(void *arg, const char *key); /* each read of a member, absent ones, iteration, printing included */
    void *arg;                                   /* lives as long as the script may hold the view */
    /* Names (an object's) of members that are watched for at any depth below some of the root's members; reading one in
     * the call that the view was made in sets *watched_read. All lent as arg is; watched NULL: none. */
    const json_t *watched;
    const char *const *watched_below; /* ended by NULL */
    bool *watched_read;
};

/* Pushes value: a scalar as itself, an object or array as a view that holds a reference. options may be NULL.
 * Integers stay integers. May jump. */
void lj_view_json(struct lua_State *L, json_t *value, const struct opp_view_options *options);

/* Pushes rows, or one of them (row counts from 0), as a view that holds a reference; their bytes count as live bytes
 * of the state. May jump. */
void lj_view_rows(struct lua_State *L, struct opp_rows *rows);
void lj_view_row(struct lua_State *L, struct opp_rows *rows, size_t row);

/* Pushes one value of rows; NULL as the constant null. May jump. */
void lj_view_cell(struct lua_State *L, const struct opp_rows *rows, const struct opp_cell *cell);

/* Pushes the constant null, light userdata; allocates nothing, the stack must have room. */
void opp_view_push_null(struct lua_State *L);
bool opp_view_is_null(struct lua_State *L, int index);

/* Lends the rows that the value at index views, or NULL; *first and *count say which of them (a row: one). */
struct opp_rows *opp_view_rows(struct lua_State *L, int index, size_t *first, size_t *count);

#endif
