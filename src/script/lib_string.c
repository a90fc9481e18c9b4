/* SPDX-License-Identifier: MIT */
#include "script/kernel.h"
#include "script/libs.h"
#include "script/values.h"

#include <lauxlib.h>

#include <string.h>

#define CONVERSION_MAX 512 /* bytes that one number can take: %99.99f of 1e308 is 418 */

size_t opp_lib_text_max(lua_State *L)
{
    size_t max = opp_script_of(L)->limits.allocation_bytes;

    return max > 128 ? max - 128 : 0; /* a string's header, and the buffer's */
}

/* s and sep are repeated by doubling what is there already. */
static void repeat(char *to, size_t unit, size_t total)
{
    size_t part;

    for (size_t done = unit; done < total; done += part) {
        part = done < total - done ? done : total - done;
        memcpy(to + done, to, part);
    }
}

int l_string_rep(lua_State *L)
{
    size_t length, sep_length, unit, total, max = opp_lib_text_max(L);
    const char *s = luaL_checklstring(L, 1, &length);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *sep = luaL_optlstring(L, 3, "", &sep_length);
    luaL_Buffer buffer;
    char *to;

    unit = length + sep_length;
    if (n <= 0 || unit == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (unit > max || (lua_Unsigned)n > max / unit + 1 || (size_t)n * unit - sep_length > max)
        return luaL_error(L, "string.rep: the result is too long");
    total = (size_t)n * unit - sep_length;
    lj_script_charge(L, total / 256);
    to = luaL_buffinitsize(L, &buffer, (size_t)n * unit);
    memcpy(to, s, length);
    if (n > 1)
        memcpy(to + length, sep, sep_length);
    repeat(to, unit, total);
    luaL_pushresultsize(&buffer, total);
    return 1;
}

/* Makes the argument of a conversion safe to show, and gives the most bytes it can take. */
static size_t judge_argument(lua_State *L, char conversion, int argument)
{
    size_t length = 0;

    if (conversion == 'p')
        luaL_error(L, "string.format: %%p would show an address");
    if (argument > lua_gettop(L))
        return CONVERSION_MAX; /* Lua's own function says so */
    if (lua_type(L, argument) == LUA_TSTRING) {
        lua_tolstring(L, argument, &length);
        return CONVERSION_MAX + (conversion == 'q' ? 4 * length : length);
    }
    if (conversion == 's' && lua_type(L, argument) > LUA_TBOOLEAN && lua_type(L, argument) != LUA_TNUMBER) {
        lua_pushstring(L, opp_value_type(L, argument));
        lua_replace(L, argument);
    }
    return CONVERSION_MAX;
}

int l_string_format(lua_State *L)
{
    size_t length, total;
    const char *format = luaL_checklstring(L, 1, &length);
    const char *end = format + length;
    int argument = 1;

    total = length;
    for (const char *at = memchr(format, '%', length); at != NULL; at = memchr(at, '%', (size_t)(end - at))) {
        at++;
        at += strspn(at, "-+ #0123456789.");
        if (at < end && *at++ != '%')
            total += judge_argument(L, at[-1], ++argument);
        if (total > opp_lib_text_max(L))
            return luaL_error(L, "string.format: the result is too long");
        if (at >= end)
            break;
    }
    lj_script_charge(L, total / 256);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}
