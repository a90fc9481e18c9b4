/* SPDX-License-Identifier: MIT */
#include "script/kernel.h"
#include "script/libs.h"
#include "script/values.h"

#include <lauxlib.h>

/* Pushes an element for concat as text. May jump. */
static void lj_concat_text(lua_State *L, lua_Integer i, size_t *length)
{
    int type = lj_value_geti(L, 1, i);

    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        luaL_error(L, "invalid value (a %s at index %I) in table for 'concat'", opp_value_type(L, -1), (LUAI_UACINT)i);
    lua_tolstring(L, -1, length);
}

/* Measures first, so that nothing too long is begun. May jump. */
static size_t lj_concat_length(lua_State *L, size_t sep_length, lua_Integer first, lua_Integer last)
{
    size_t length, total = 0;

    for (lua_Integer i = first; i <= last; i++) {
        lj_concat_text(L, i, &length);
        lua_pop(L, 1);
        total += length + (i < last ? sep_length : 0);
        if (total > opp_lib_text_max(L))
            luaL_error(L, "table.concat: the result is too long");
        lj_script_charge(L, 1);
    }
    return total;
}

static int l_table_concat(lua_State *L)
{
    size_t sep_length, length, total;
    const char *sep;
    lua_Integer first, last;
    luaL_Buffer buffer;

    lj_value_check(L, 1);
    sep = luaL_optlstring(L, 2, "", &sep_length);
    first = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, lua_isnoneornil(L, 4) ? lj_value_length(L, 1) : 0);
    if (last == LUA_MAXINTEGER)
        return luaL_error(L, "table.concat: the range is too long");
    total = lj_concat_length(L, sep_length, first, last);
    luaL_buffinitsize(L, &buffer, total);
    for (lua_Integer i = first; i <= last; i++) {
        lj_concat_text(L, i, &length);
        luaL_addvalue(&buffer);
        if (i < last)
            luaL_addlstring(&buffer, sep, sep_length);
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int l_table_insert(lua_State *L)
{
    lua_Integer end, position;

    lj_value_check_writable(L, 1);
    end = lj_value_length(L, 1) + 1;
    if (lua_gettop(L) != 2 && lua_gettop(L) != 3)
        return luaL_error(L, "wrong number of arguments to 'insert'");
    position = lua_gettop(L) == 2 ? end : luaL_checkinteger(L, 2);
    luaL_argcheck(L, (lua_Unsigned)position - 1u < (lua_Unsigned)end, 2, "position out of bounds");
    lj_script_charge(L, (size_t)(end - position));
    for (lua_Integer i = end; i > position; i--) {
        lua_rawgeti(L, 1, i - 1);
        lua_rawseti(L, 1, i);
    }
    lua_rawseti(L, 1, position);
    return 0;
}

static int l_table_remove(lua_State *L)
{
    lua_Integer size, position;

    lj_value_check_writable(L, 1);
    size = lj_value_length(L, 1);
    position = luaL_optinteger(L, 2, size);
    if (position != size)
        luaL_argcheck(L, (lua_Unsigned)position - 1u <= (lua_Unsigned)size, 2, "position out of bounds");
    lj_script_charge(L, (size_t)(size > position ? size - position : 0));
    lua_rawgeti(L, 1, position);
    for (; position < size; position++) {
        lua_rawgeti(L, 1, position + 1);
        lua_rawseti(L, 1, position);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, position);
    return 1;
}

/* Copies the range upwards or downwards, so that overlapping ranges come out right. May jump. */
static void lj_move(lua_State *L, lua_Integer first, lua_Integer last, lua_Integer to, int target)
{
    bool upwards = to > last || to <= first || (target != 1 && !lua_rawequal(L, 1, target));
    lua_Integer count = last - first + 1;

    for (lua_Integer n = 0; n < count; n++) {
        lua_Integer i = upwards ? n : count - 1 - n;

        lj_value_geti(L, 1, first + i);
        lua_rawseti(L, target, to + i);
    }
}

static int l_table_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;

    lj_value_check(L, 1);
    lj_value_check_writable(L, target);
    if (last >= first) {
        luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
        luaL_argcheck(L, to <= LUA_MAXINTEGER - (last - first + 1) + 1, 4, "destination wrap around");
        lj_script_charge(L, (size_t)(last - first) + 1);
        lj_move(L, first, last, to, target);
    }
    lua_pushvalue(L, target);
    return 1;
}

static int l_table_pack(lua_State *L)
{
    int count = lua_gettop(L);

    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

static int l_table_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last;
    lua_Unsigned count;

    lj_value_check(L, 1);
    last = lua_isnoneornil(L, 3) ? lj_value_length(L, 1) : luaL_checkinteger(L, 3);
    if (first > last)
        return 0;
    count = (lua_Unsigned)last - (lua_Unsigned)first;
    if (count >= opp_lib_text_max(L) / 64 || !lua_checkstack(L, (int)count + 4))
        return luaL_error(L, "too many results to unpack");
    lj_script_charge(L, (size_t)count + 1);
    for (lua_Integer i = first; i < last; i++)
        lj_value_geti(L, 1, i);
    lj_value_geti(L, 1, last);
    return (int)count + 1;
}

const struct opp_script_function opp_lib_table[] = {
    { "concat", l_table_concat }, { "insert", l_table_insert }, { "move", l_table_move }, { "pack", l_table_pack },
    { "remove", l_table_remove }, { "unpack", l_table_unpack }, { NULL, NULL },
};
