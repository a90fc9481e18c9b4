/* SPDX-License-Identifier: MIT */
#include "script/kernel.h"
#include "script/libs.h"
#include "script/values.h"
#include "script/view_root.h"

#include <lauxlib.h>

/* Marks the table it is given, or a new one; what is an array already comes back as it is. */
static int l_base_array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    lj_value_check(L, 1);
    if (opp_view_is_array(opp_view_of(L, 1)) || (lua_type(L, 1) == LUA_TTABLE && opp_value_is_array(L, 1)))
        return 1;
    lj_value_check_writable(L, 1);
    opp_view_push_array_metatable(L);
    lua_setmetatable(L, 1);
    return 1;
}

static int l_base_next(lua_State *L)
{
    lj_value_check(L, 1);
    lua_settop(L, 2);
    if (lj_value_next(L, 1))
        return 2;
    lua_pushnil(L);
    return 1;
}

static int l_base_pairs(lua_State *L)
{
    lj_value_check(L, 1);
    lua_pushcfunction(L, l_base_next);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

static int l_base_ipairs_next(lua_State *L)
{
    lua_Integer i = (lua_Integer)((lua_Unsigned)luaL_checkinteger(L, 2) + 1); /* wraps, as all of Lua's integers */

    lj_value_check(L, 1);
    lua_pushinteger(L, i);
    return lj_value_geti(L, 1, i) == LUA_TNIL ? 1 : 2;
}

static int l_base_ipairs(lua_State *L)
{
    lj_value_check(L, 1);
    lua_pushcfunction(L, l_base_ipairs_next);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}

static int finish_pcall(lua_State *L, int status, lua_KContext base)
{
    struct opp_script *script = opp_script_of(L);

    if (status == LUA_ERRMEM)
        opp_budget_trip(script, script->starved ? OPP_E_MEMORY : OPP_E_LIMIT, "the script ran out of memory");
    if (script->tripped != NULL)
        return lj_budget_raise(L);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)base;
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* A trip is not a script's to catch: it is raised again, whatever the protected function returned. */
static int l_base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish_pcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall), 0);
}

static int l_base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    switch (lua_type(L, 1)) {
    case LUA_TNUMBER:
        lua_tostring(L, 1);
        return 1;
    case LUA_TSTRING:
        return 1;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, 1) ? "true" : "false");
        return 1;
    default:
        lua_pushstring(L, opp_value_type(L, 1));
        return 1;
    }
}

static int l_base_type(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, opp_value_type(L, 1));
    return 1;
}

const struct opp_script_function opp_lib_base[] = {
    { "array", l_base_array }, { "ipairs", l_base_ipairs },     { "next", l_base_next }, { "pairs", l_base_pairs },
    { "pcall", l_base_pcall }, { "tostring", l_base_tostring }, { "type", l_base_type }, { NULL, NULL },
};
