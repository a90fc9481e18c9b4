/* SPDX-License-Identifier: MIT */
#include "script/kernel.h"
#include "script/libs.h"
#include "script/values.h"

#include <lauxlib.h>

/* A heap sort: always n log n, whatever the order function answers, and its swaps never lose an element. Stack: the
 * table, the order function or nil. */

static size_t text_cost(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING ? (size_t)lua_rawlen(L, index) / 256 : 0;
}

/* Whether the value below the top comes before the one on top. May jump. */
static bool lj_less(lua_State *L)
{
    bool less;

    lj_script_charge(L, 1 + text_cost(L, -1));
    if (lua_isnil(L, 2))
        return lua_compare(L, -2, -1, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -3);
    lua_call(L, 2, 1);
    less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

static bool lj_less_at(lua_State *L, lua_Integer a, lua_Integer b)
{
    bool less;

    lua_rawgeti(L, 1, a);
    lua_rawgeti(L, 1, b);
    less = lj_less(L);
    lua_pop(L, 2);
    return less;
}

static void swap(lua_State *L, lua_Integer a, lua_Integer b)
{
    lua_rawgeti(L, 1, a);
    lua_rawgeti(L, 1, b);
    lua_rawseti(L, 1, a);
    lua_rawseti(L, 1, b);
}

static void lj_sift(lua_State *L, lua_Integer root, lua_Integer count)
{
    lua_Integer child;

    for (; root <= count / 2; root = child) {
        child = 2 * root;
        if (child < count && lj_less_at(L, child, child + 1))
            child++;
        if (!lj_less_at(L, root, child))
            return;
        swap(L, root, child);
    }
}

int l_table_sort(lua_State *L)
{
    lua_Integer count;

    lj_value_check_writable(L, 1);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    count = lj_value_length(L, 1);
    for (lua_Integer i = count / 2; i >= 1; i--)
        lj_sift(L, i, count);
    for (lua_Integer i = count; i > 1; i--) {
        swap(L, 1, i);
        lj_sift(L, 1, i - 1);
    }
    return 0;
}
