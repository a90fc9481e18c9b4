/* SPDX-License-Identifier: MIT
 *
 * script/values.h - tables, frozen tables and views through one door: their length, elements and order.
 * May include: base.
 */
#ifndef OPP_SCRIPT_VALUES_H
#define OPP_SCRIPT_VALUES_H

#include <stdbool.h>

#include <lua.h>

enum opp_value_kind {
    OPP_VALUE_OTHER,
    OPP_VALUE_TABLE,
    OPP_VALUE_VIEW
};

enum opp_value_kind opp_value_kind(lua_State *L, int index);
/* What scripts are told by type(): views are tables, null is itself. Lends static text. */
const char *opp_value_type(lua_State *L, int index);

/* For a table: pushes the one that holds its fields, which is another one when it is frozen; says whether it is.
 * Neither raises nor allocates; needs three free stack slots. */
bool opp_value_push_storage(lua_State *L, int index);
bool opp_value_is_array(lua_State *L, int index); /* marked by array{}, frozen or not */

/* Of a table (raw) or a view. May jump. */
lua_Integer lj_value_length(lua_State *L, int index);
int lj_value_geti(lua_State *L, int index, lua_Integer i); /* pushes, gives the type */
/* As lua_next: pops a key, pushes the next pair, or nothing at the end. May jump. */
bool lj_value_next(lua_State *L, int index);

/* A table or view at the argument, or an error. May jump. */
void lj_value_check(lua_State *L, int argument);
void lj_value_check_writable(lua_State *L, int argument);

/* Makes one table read-only, in place: contents move to a hidden table. May jump. */
void lj_value_freeze(lua_State *L, int index);

#endif
