/* SPDX-License-Identifier: MIT */
#include "script/sandbox.h"

#include "script/freeze_walk.h"
#include "script/kernel.h"
#include "script/libs.h"
#include "script/values.h"
#include "script/view_root.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* What is taken from Lua's own libraries: functions of their arguments only, whose work their arguments bound. */
static const char *const stock_base[] = { "assert", "error", "select", "tonumber", NULL };
static const char *const stock_math[] = { "abs", "acos",       "asin", "atan", "ceil", "cos", "deg",
                                          "exp", "floor",      "fmod", "huge", "log",  "max", "maxinteger",
                                          "min", "mininteger", "modf", "pi",   "rad",  "sin", "sqrt",
                                          "tan", "tointeger",  "type", "ult",  NULL };
static const char *const stock_string[] = { "byte", "char", "len", "lower", "reverse", "sub", "upper", NULL };

struct addition {
    const char *table;
    const char *name;
    const struct opp_script_function *functions;
};

/* Pushes a table with the named fields of what an opener gives. May jump. */
static void lj_push_selected(lua_State *L, lua_CFunction opener, const char *const *names)
{
    lua_pushcfunction(L, opener);
    lua_call(L, 0, 1);
    lua_newtable(L);
    for (; *names != NULL; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
    lua_remove(L, -2);
}

/* Adds to the table on top. May jump. */
static void lj_add(lua_State *L, const struct opp_script_function *functions)
{
    for (; functions->name != NULL; functions++) {
        lua_pushcfunction(L, functions->call);
        lua_setfield(L, -2, functions->name);
    }
}

/* Pushes the string table. Lua's own opener has set the strings' metatable, which any literal reaches: it is edited to
 * lead to this table, not to Lua's. May jump. */
static void lj_push_string(lua_State *L)
{
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, l_string_format, 1);
    lj_push_selected(L, luaopen_string, stock_string);
    lua_insert(L, -2);
    lua_setfield(L, -2, "format");
    lua_remove(L, -2);
    lua_pushcfunction(L, l_string_rep);
    lua_setfield(L, -2, "rep");
    lj_add(L, opp_lib_match);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
}

/* Lua's own openers fill the globals they find, so those are thrown away afterwards. */
static int l_open(lua_State *L)
{
    lj_view_register(L);
    lj_push_selected(L, luaopen_base, stock_base);
    lj_add(L, opp_lib_base);
    opp_view_push_null(L);
    lua_setfield(L, -2, "null");
    lj_push_selected(L, luaopen_math, stock_math);
    lua_setfield(L, -2, "math");
    lj_push_string(L);
    lua_setfield(L, -2, "string");
    lua_newtable(L);
    lj_add(L, opp_lib_table);
    lua_pushcfunction(L, l_table_sort);
    lua_setfield(L, -2, "sort");
    lua_setfield(L, -2, "table");
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    return 0;
}

/* Pushes the globals, or one of their tables. May jump. */
static void lj_push_target(lua_State *L, const char *table)
{
    lua_pushglobaltable(L);
    if (table == NULL)
        return;
    if (lua_getfield(L, -1, table) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, table);
}

static int l_add(lua_State *L)
{
    const struct addition *addition = lua_touserdata(L, 1);

    lj_push_target(L, addition->table);
    lj_add(L, addition->functions);
    return 0;
}

/* Arguments: what to name, and the addition. */
static int l_set(lua_State *L)
{
    const struct addition *addition = lua_touserdata(L, 2);

    lj_push_target(L, addition->table);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, addition->name);
    return 0;
}

static int l_undefined_global(lua_State *L)
{
    return luaL_error(L, "the global '%s' is not defined", lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

static int l_assign_global(lua_State *L)
{
    return luaL_error(L, "the global '%s' cannot be assigned: use a local",
                      lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

/* Strings lead past the frozen shell to the table behind it: nothing can be written through a string. */
static void lj_seal_strings(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    opp_value_push_storage(L, -1);
    lua_setfield(L, -3, "__index");
    lua_pop(L, 3);
}

static int l_seal(lua_State *L)
{
    lua_pushglobaltable(L);
    lj_freeze_reachable(L, -1);
    lua_getmetatable(L, -1);
    lua_pushcfunction(L, l_assign_global);
    lua_setfield(L, -2, "__newindex");
    lua_pop(L, 1);
    opp_value_push_storage(L, -1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_undefined_global);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lj_seal_strings(L);
    return 0;
}

enum opp_code opp_sandbox_open(struct opp_script *script, struct opp_err *err)
{
    return opp_script_protect(script, l_open, NULL, err);
}

enum opp_code opp_sandbox_add(struct opp_script *script, const char *table, const struct opp_script_function *functions,
                              struct opp_err *err)
{
    struct addition addition = { .table = table, .functions = functions };

    return opp_script_protect(script, l_add, &addition, err);
}

enum opp_code opp_sandbox_set(struct opp_script *script, const char *table, const char *name, struct opp_err *err)
{
    struct addition addition = { .table = table, .name = name };

    lua_pushcfunction(script->lua, l_set);
    lua_insert(script->lua, -2);
    lua_pushlightuserdata(script->lua, &addition);
    return opp_script_call(script, 2, 0, err);
}

enum opp_code opp_sandbox_seal(struct opp_script *script, struct opp_err *err)
{
    return opp_script_protect(script, l_seal, NULL, err);
}
