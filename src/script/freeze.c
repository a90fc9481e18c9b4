/* SPDX-License-Identifier: MIT */
#include "script/freeze.h"

#include "script/freeze_walk.h"
#include "script/kernel.h"
#include "script/libs.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>

/* The walk's stack slots. An explicit list instead of recursion: a script may nest as deep as its memory allows. */
struct walk {
    int todo;     /* table: values still to look at, 1..waiting */
    int seen;     /* table: functions and upvalue cells met already */
    int snapshot; /* table: function, number, value of each upvalue cell, one behind the other */
    lua_Integer waiting;
    lua_Integer upvalues;
};

/* Pops a value and puts it on the list if it can lead to a table. May jump. */
static void lj_later(lua_State *L, struct walk *walk)
{
    int type = lua_type(L, -1);

    if (type == LUA_TTABLE || type == LUA_TFUNCTION)
        lua_rawseti(L, walk->todo, ++walk->waiting);
    else
        lua_pop(L, 1);
}

/* Pops a key and says whether it was met before. May jump. */
static bool lj_was_seen(lua_State *L, const struct walk *walk)
{
    bool seen;

    lua_pushvalue(L, -1);
    seen = lua_rawget(L, walk->seen) != LUA_TNIL;
    lua_pop(L, 1);
    if (seen) {
        lua_pop(L, 1);
        return true;
    }
    lua_pushboolean(L, 1);
    lua_rawset(L, walk->seen);
    return false;
}

/* Freezes the table on top and lists what it holds. What is frozen already had its contents frozen with it. */
static void lj_freeze_table(lua_State *L, struct walk *walk)
{
    int storage;

    if (opp_value_push_storage(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    lua_pop(L, 1);
    lj_value_freeze(L, -1);
    opp_value_push_storage(L, -1);
    storage = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, storage)) {
        lj_later(L, walk);
        lua_pushvalue(L, -1);
        lj_later(L, walk);
    }
    lua_pop(L, 1);
}

/* Remembers upvalue n of the function below the top, whose value is on top, and pops that. */
static void lj_note_upvalue(lua_State *L, struct walk *walk, int n)
{
    lua_Integer at = 3 * walk->upvalues++;

    lua_pushvalue(L, -2);
    lua_rawseti(L, walk->snapshot, at + 1);
    lua_pushinteger(L, n);
    lua_rawseti(L, walk->snapshot, at + 2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, walk->snapshot, at + 3);
    lj_later(L, walk);
}

static void lj_watch_function(lua_State *L, struct walk *walk)
{
    if (opp_lib_is_gmatch_iterator(L, -1))
        luaL_error(L, "a string.gmatch iterator remembers its place and cannot be kept between calls");
    if (lua_iscfunction(L, -1)) /* its upvalues are the host's */
        return;
    lua_pushvalue(L, -1);
    if (lj_was_seen(L, walk))
        return;
    for (int n = 1; lua_getupvalue(L, -1, n) != NULL; n++) {
        lua_pushlightuserdata(L, lua_upvalueid(L, -2, n));
        if (lj_was_seen(L, walk))
            lua_pop(L, 1);
        else
            lj_note_upvalue(L, walk, n);
    }
}

/* Pushes the snapshot. May jump. */
static void lj_walk(lua_State *L, int index)
{
    struct walk walk = { 0 };

    index = lua_absindex(L, index);
    luaL_checkstack(L, 16, NULL);
    lua_newtable(L);
    walk.snapshot = lua_gettop(L);
    lua_newtable(L);
    walk.seen = lua_gettop(L);
    lua_newtable(L);
    walk.todo = lua_gettop(L);
    lua_pushvalue(L, index);
    lj_later(L, &walk);
    while (walk.waiting > 0) {
        lua_rawgeti(L, walk.todo, walk.waiting--);
        if (lua_type(L, -1) == LUA_TTABLE)
            lj_freeze_table(L, &walk);
        else
            lj_watch_function(L, &walk);
        lua_pop(L, 1);
    }
    lua_settop(L, walk.snapshot);
    lua_pushinteger(L, walk.upvalues);
    lua_rawseti(L, walk.snapshot, 0);
}

void lj_freeze_reachable(lua_State *L, int index)
{
    lj_walk(L, index);
    lua_pop(L, 1);
}

static int l_freeze(lua_State *L)
{
    lj_walk(L, 1);
    lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
    return 1;
}

enum opp_code opp_script_freeze(struct opp_script *script, int index, int *snapshot, struct opp_err *err)
{
    lua_State *L = script->lua;
    enum opp_code rc;

    lua_pushvalue(L, index);
    lua_pushcfunction(L, l_freeze);
    lua_insert(L, -2);
    rc = opp_script_call(script, 1, 1, err);
    if (rc != OPP_OK)
        return rc;
    *snapshot = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return OPP_OK;
}

/* The two values on top; NaN stays NaN. */
static bool same(lua_State *L)
{
    if (lua_rawequal(L, -1, -2))
        return true;
    if (lua_type(L, -1) != LUA_TNUMBER || lua_type(L, -2) != LUA_TNUMBER)
        return false;
    return !lua_rawequal(L, -1, -1) && !lua_rawequal(L, -2, -2);
}

bool opp_script_changed(struct opp_script *script, int snapshot)
{
    lua_State *L = script->lua;
    int top = lua_gettop(L);
    bool changed = false;
    lua_Integer count;

    if (!lua_checkstack(L, 5))
        return true;
    lua_rawgeti(L, LUA_REGISTRYINDEX, snapshot);
    lua_rawgeti(L, -1, 0);
    count = lua_tointeger(L, -1);
    lua_settop(L, top + 1);
    for (lua_Integer i = 0; i < count && !changed; i++) {
        lua_rawgeti(L, top + 1, 3 * i + 2);
        lua_rawgeti(L, top + 1, 3 * i + 1);
        if (lua_getupvalue(L, -1, (int)lua_tointeger(L, -2)) == NULL)
            lua_pushnil(L);
        lua_rawgeti(L, top + 1, 3 * i + 3);
        changed = !same(L);
        lua_settop(L, top + 1);
    }
    lua_settop(L, top);
    return changed;
}
