/* SPDX-License-Identifier: MIT */
#include "script/values.h"

#include "script/kernel.h"
#include "script/view.h"
#include "script/view_root.h"

#include <lauxlib.h>

/* Its address keys the hidden table in a frozen table's metatable. */
static const char frozen_key;

enum opp_value_kind opp_value_kind(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TTABLE)
        return OPP_VALUE_TABLE;
    return opp_view_of(L, index) != NULL ? OPP_VALUE_VIEW : OPP_VALUE_OTHER;
}

const char *opp_value_type(lua_State *L, int index)
{
    if (opp_view_is_null(L, index))
        return "null";
    if (opp_view_of(L, index) != NULL)
        return "table";
    return lua_type(L, index) == LUA_TLIGHTUSERDATA ? "userdata" : luaL_typename(L, index);
}

bool opp_value_push_storage(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (!lua_getmetatable(L, index)) {
        lua_pushvalue(L, index);
        return false;
    }
    if (lua_rawgetp(L, -1, &frozen_key) == LUA_TTABLE) {
        lua_remove(L, -2);
        return true;
    }
    lua_pop(L, 2);
    lua_pushvalue(L, index);
    return false;
}

bool opp_value_is_array(lua_State *L, int index)
{
    bool is = false;

    opp_value_push_storage(L, index);
    if (lua_getmetatable(L, -1)) {
        is = lua_topointer(L, -1) == opp_script_of(L)->array_metatable;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return is;
}

lua_Integer lj_value_length(lua_State *L, int index)
{
    lua_Integer length;

    if (lua_type(L, index) != LUA_TTABLE)
        return (lua_Integer)opp_view_length(opp_view_of(L, index));
    luaL_checkstack(L, 3, NULL);
    opp_value_push_storage(L, index);
    length = (lua_Integer)lua_rawlen(L, -1);
    lua_pop(L, 1);
    return length;
}

int lj_value_geti(lua_State *L, int index, lua_Integer i)
{
    luaL_checkstack(L, 3, NULL);
    if (lua_type(L, index) != LUA_TTABLE) {
        lj_view_geti(L, lua_absindex(L, index), i);
        return lua_type(L, -1);
    }
    opp_value_push_storage(L, index);
    lua_rawgeti(L, -1, i);
    lua_remove(L, -2);
    return lua_type(L, -1);
}

bool lj_value_next(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, NULL);
    if (lua_type(L, index) != LUA_TTABLE)
        return lj_view_next(L, index);
    opp_value_push_storage(L, index);
    lua_insert(L, -2);
    if (!lua_next(L, -2)) {
        lua_pop(L, 1);
        return false;
    }
    lua_remove(L, -3);
    return true;
}

void lj_value_check(lua_State *L, int argument)
{
    if (opp_value_kind(L, argument) == OPP_VALUE_OTHER)
        luaL_typeerror(L, argument, "table");
}

void lj_value_check_writable(lua_State *L, int argument)
{
    lj_value_check(L, argument);
    if (lua_type(L, argument) != LUA_TTABLE || opp_value_push_storage(L, argument))
        luaL_argerror(L, argument, "this table is read-only");
    lua_pop(L, 1);
}

static int l_frozen_newindex(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TSTRING)
        return luaL_error(L, "this table is read-only: its field '%s' cannot be assigned", lua_tostring(L, 2));
    return luaL_error(L, "this table is read-only");
}

static int l_frozen_len(lua_State *L)
{
    lua_pushinteger(L, lj_value_length(L, 1));
    return 1;
}

/* Moves the fields of the table at from to the one at to. Assigning nil while traversing is allowed. */
static void move_fields(lua_State *L, int from, int to)
{
    lua_pushnil(L);
    while (lua_next(L, from)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, to);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, from);
    }
    if (lua_getmetatable(L, from))
        lua_setmetatable(L, to);
}

void lj_value_freeze(lua_State *L, int index)
{
    int hidden, metatable;

    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, (int)lua_rawlen(L, index), 0);
    hidden = lua_gettop(L);
    move_fields(L, index, hidden);
    lua_createtable(L, 0, 4);
    metatable = lua_gettop(L);
    lua_pushvalue(L, hidden);
    lua_rawsetp(L, metatable, &frozen_key);
    lua_pushvalue(L, hidden);
    lua_setfield(L, metatable, "__index");
    lua_pushcfunction(L, l_frozen_newindex);
    lua_setfield(L, metatable, "__newindex");
    lua_pushcfunction(L, l_frozen_len);
    lua_setfield(L, metatable, "__len");
    lua_setmetatable(L, index);
    lua_pop(L, 1);
}
