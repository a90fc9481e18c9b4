/* SPDX-License-Identifier: MIT */
#include "script/kernel.h"
#include "script/libs.h"
#include "script/pattern.h"
#include "script/values.h"

#include <lauxlib.h>

#include <string.h>

typedef enum opp_pattern_result (*search_fn)(struct opp_pattern *p, size_t from, struct opp_pattern_found *out);

static struct opp_pattern prepare(lua_State *L, const char *subject, size_t subject_length, const char *pattern,
                                  size_t pattern_length)
{
    struct opp_pattern p = {
        .subject = subject,
        .subject_length = subject_length,
        .pattern = pattern,
        .pattern_length = pattern_length,
        .steps = &opp_script_of(L)->pattern_left,
    };

    return p;
}

/* Searches, and makes the clock see what it cost. May jump. */
static bool lj_search(lua_State *L, search_fn search, struct opp_pattern *p, size_t from,
                      struct opp_pattern_found *found)
{
    int64_t before = *p->steps;
    enum opp_pattern_result result = search(p, from, found);

    if (result == OPP_PATTERN_EXHAUSTED)
        opp_budget_trip(opp_script_of(L), OPP_E_LIMIT, "the script ran out of pattern steps");
    lj_script_charge(L, (size_t)(before - *p->steps) / 64);
    if (result == OPP_PATTERN_MALFORMED)
        luaL_error(L, "%s", p->why);
    return result == OPP_PATTERN_MATCH;
}

/* Where a Lua position (from 1, or from the end if negative) begins; beyond length if it is behind the subject. */
static size_t start_of(lua_Integer init, size_t length)
{
    if (init > 0)
        return (lua_Unsigned)init - 1 > length ? length + 1 : (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)length)
        return 0;
    return length - (size_t)-init;
}

/* Without captures the whole match is the first. May jump. */
static void lj_push_capture(lua_State *L, const struct opp_pattern *p, const struct opp_pattern_found *found, size_t i)
{
    if (i >= found->count) {
        if (i > 0)
            luaL_error(L, "invalid capture index %%%d", (int)i + 1);
        lua_pushlstring(L, p->subject + found->start, found->end - found->start);
    } else if (found->captures[i].position) {
        lua_pushinteger(L, (lua_Integer)found->captures[i].start + 1);
    } else {
        lua_pushlstring(L, p->subject + found->captures[i].start, found->captures[i].length);
    }
}

static int lj_push_captures(lua_State *L, const struct opp_pattern *p, const struct opp_pattern_found *found,
                            bool whole_if_none)
{
    size_t count = found->count == 0 && whole_if_none ? 1 : found->count;

    luaL_checkstack(L, (int)count, "too many captures");
    for (size_t i = 0; i < count; i++)
        lj_push_capture(L, p, found, i);
    return (int)count;
}

static bool is_plain(const char *pattern, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (pattern[i] != '\0' && strchr("^$*+?.([%-", pattern[i]) != NULL)
            return false;
    return true;
}

static int find_plain(lua_State *L, const struct opp_pattern *p, size_t from)
{
    const char *found =
        memmem(p->subject + from, p->subject_length - from, p->pattern, p->pattern_length); /* linear, both lengths */

    lj_script_charge(L, (p->subject_length - from + p->pattern_length) / 64);
    if (found == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - p->subject + 1);
    lua_pushinteger(L, found - p->subject + (lua_Integer)p->pattern_length);
    return 2;
}

static int find(lua_State *L, bool positions)
{
    size_t length, pattern_length;
    const char *subject = luaL_checklstring(L, 1, &length);
    const char *pattern = luaL_checklstring(L, 2, &pattern_length);
    size_t from = start_of(luaL_optinteger(L, 3, 1), length);
    struct opp_pattern p = prepare(L, subject, length, pattern, pattern_length);
    struct opp_pattern_found found;

    if (from > length) {
        lua_pushnil(L);
        return 1;
    }
    if (positions && (lua_toboolean(L, 4) || is_plain(pattern, pattern_length)))
        return find_plain(L, &p, from);
    if (!lj_search(L, opp_pattern_search, &p, from, &found)) {
        lua_pushnil(L);
        return 1;
    }
    if (!positions)
        return lj_push_captures(L, &p, &found, true);
    lua_pushinteger(L, (lua_Integer)found.start + 1);
    lua_pushinteger(L, (lua_Integer)found.end);
    return 2 + lj_push_captures(L, &p, &found, false);
}

static int l_string_find(lua_State *L)
{
    return find(L, true);
}

static int l_string_match(lua_State *L)
{
    return find(L, false);
}

/* Upvalues: subject, pattern, where to go on, and where the last match ended: an empty one there does not count. */
static int l_string_gmatch_next(lua_State *L)
{
    size_t length, pattern_length;
    const char *subject = lua_tolstring(L, lua_upvalueindex(1), &length);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_length);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct opp_pattern p = prepare(L, subject, length, pattern, pattern_length);
    struct opp_pattern_found found;

    for (size_t from = (size_t)lua_tointeger(L, lua_upvalueindex(3)); from <= length; from++) {
        if (!lj_search(L, opp_pattern_at, &p, from, &found) || (lua_Integer)found.end == last)
            continue;
        lua_pushinteger(L, (lua_Integer)found.end);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return lj_push_captures(L, &p, &found, true);
    }
    return 0;
}

static int l_string_gmatch(lua_State *L)
{
    size_t length;

    luaL_checklstring(L, 1, &length);
    luaL_checkstring(L, 2);
    lua_pushinteger(L, (lua_Integer)start_of(luaL_optinteger(L, 3, 1), length));
    lua_replace(L, 3);
    lua_settop(L, 3);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, l_string_gmatch_next, 4);
    return 1;
}

bool opp_lib_is_gmatch_iterator(lua_State *L, int index)
{
    return lua_tocfunction(L, index) == l_string_gmatch_next;
}

/* Appends the replacement string at argument 3 with its %0 to %9 and %%. May jump. */
static void lj_add_template(lua_State *L, luaL_Buffer *buffer, const struct opp_pattern *p,
                            const struct opp_pattern_found *found)
{
    size_t length;
    const char *text = lua_tolstring(L, 3, &length);
    const char *end = text + length;
    const char *percent;

    for (; (percent = memchr(text, '%', (size_t)(end - text))) != NULL; text = percent + 2) {
        luaL_addlstring(buffer, text, (size_t)(percent - text));
        if (percent + 1 < end && percent[1] == '%') {
            luaL_addchar(buffer, '%');
        } else if (percent + 1 < end && percent[1] == '0') {
            luaL_addlstring(buffer, p->subject + found->start, found->end - found->start);
        } else if (percent + 1 < end && percent[1] > '0' && percent[1] <= '9') {
            lj_push_capture(L, p, found, (size_t)(percent[1] - '1'));
            luaL_addvalue(buffer);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
    luaL_addlstring(buffer, text, (size_t)(end - text));
}

/* Appends what argument 3 makes of a match; false and nil keep the match. May jump. */
static void lj_add_replacement(lua_State *L, luaL_Buffer *buffer, const struct opp_pattern *p,
                               const struct opp_pattern_found *found)
{
    switch (lua_type(L, 3)) {
    case LUA_TNUMBER:
    case LUA_TSTRING:
        lj_add_template(L, buffer, p, found);
        return;
    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        lua_call(L, lj_push_captures(L, p, found, true), 1);
        break;
    default:
        lj_push_capture(L, p, found, 0);
        lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(buffer, p->subject + found->start, found->end - found->start);
    } else if (lua_isstring(L, -1)) {
        luaL_addvalue(buffer);
    } else {
        luaL_error(L, "invalid replacement value (a %s)", opp_value_type(L, -1));
    }
}

static void check_replacement(lua_State *L)
{
    int type = lua_type(L, 3);

    if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TFUNCTION && opp_value_kind(L, 3) == OPP_VALUE_OTHER)
        luaL_typeerror(L, 3, "string/function/table");
}

/* Replaces up to max matches into buffer and gives their number. May jump. */
static lua_Integer lj_replace(lua_State *L, luaL_Buffer *buffer, struct opp_pattern *p, lua_Integer max)
{
    bool anchored = p->pattern_length > 0 && p->pattern[0] == '^';
    struct opp_pattern_found found;
    size_t at = 0, last = SIZE_MAX;
    lua_Integer count = 0;

    if (anchored) {
        p->pattern++;
        p->pattern_length--;
    }
    while (count < max) {
        if (lj_search(L, opp_pattern_at, p, at, &found) && found.end != last) {
            count++;
            lj_add_replacement(L, buffer, p, &found);
            at = last = found.end;
        } else if (at < p->subject_length) {
            luaL_addchar(buffer, p->subject[at]);
            at++;
        } else {
            break;
        }
        if (anchored)
            break;
    }
    luaL_addlstring(buffer, p->subject + at, p->subject_length - at);
    return count;
}

static int l_string_gsub(lua_State *L)
{
    size_t length, pattern_length;
    const char *subject = luaL_checklstring(L, 1, &length);
    const char *pattern = luaL_checklstring(L, 2, &pattern_length);
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)length + 1);
    struct opp_pattern p = prepare(L, subject, length, pattern, pattern_length);
    luaL_Buffer buffer;

    check_replacement(L);
    lua_settop(L, 3);
    luaL_buffinit(L, &buffer);
    max = lj_replace(L, &buffer, &p, max);
    luaL_pushresult(&buffer);
    lua_pushinteger(L, max);
    return 2;
}

const struct opp_script_function opp_lib_match[] = {
    { "find", l_string_find },
    { "gmatch", l_string_gmatch },
    { "gsub", l_string_gsub },
    { "match", l_string_match },
    { NULL, NULL },
};
