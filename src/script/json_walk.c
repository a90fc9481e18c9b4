/* SPDX-License-Identifier: MIT */
#include "script/json_walk.h"

#include "base/jcs.h"
#include "base/json.h"
#include "base/utf8.h"
#include "script/json_lua.h"
#include "script/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SLOTS 12

void opp_walk_start(struct opp_json_walk *walk, lua_State *L, struct opp_err *err)
{
    *walk = (struct opp_json_walk){
        .L = L, .err = err, .values_left = OPP_SCRIPT_JSON_VALUES_MAX, .bytes_left = OPP_SCRIPT_JSON_BYTES_MAX
    };
}

enum opp_code opp_walk_fail(struct opp_json_walk *walk, const char *why)
{
    return opp_fail_at(walk->err, OPP_E_SCRIPT, walk->path, "%s", why);
}

static void add_path(struct opp_json_walk *walk, char c)
{
    if (walk->path_length + 1 < sizeof walk->path)
        walk->path[walk->path_length++] = c;
}

size_t opp_walk_down(struct opp_json_walk *walk, const char *key, size_t index)
{
    size_t mark = walk->path_length;
    char digits[24];

    add_path(walk, '/');
    if (key == NULL) {
        snprintf(digits, sizeof digits, "%zu", index);
        key = digits;
    }
    for (; *key != '\0' && walk->path_length + 2 < sizeof walk->path; key++) {
        if (*key == '~' || *key == '/') {
            add_path(walk, '~');
            add_path(walk, *key == '~' ? '0' : '1');
        } else {
            add_path(walk, *key);
        }
    }
    walk->path[walk->path_length] = '\0';
    return mark;
}

void opp_walk_up(struct opp_json_walk *walk, size_t mark)
{
    walk->path_length = mark;
    walk->path[mark] = '\0';
}

enum opp_code opp_walk_enter(struct opp_json_walk *walk)
{
    if (walk->depth >= OPP_JSON_DEPTH_MAX)
        return opp_walk_fail(walk, "it is nested too deep for JSON");
    if (!lua_checkstack(walk->L, SLOTS))
        return opp_fail_at(walk->err, OPP_E_MEMORY, walk->path, "no room on the Lua stack");
    walk->depth++;
    return OPP_OK;
}

void opp_walk_leave(struct opp_json_walk *walk)
{
    walk->depth--;
}

enum opp_code opp_walk_count(struct opp_json_walk *walk, size_t bytes)
{
    if (walk->values_left == 0 || bytes > walk->bytes_left)
        return opp_walk_fail(walk, "it is too large for one JSON value");
    walk->values_left--;
    walk->bytes_left -= bytes;
    return OPP_OK;
}

static enum opp_code count_children(struct opp_json_walk *walk, const json_t *value)
{
    enum opp_code rc = OPP_OK;
    const char *key;
    json_t *child;
    size_t i;

    json_array_foreach(value, i, child)
    {
        rc = opp_walk_count_json(walk, child);
        if (rc != OPP_OK)
            return rc;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        rc = opp_walk_count(walk, strlen(key));
        if (rc == OPP_OK)
            rc = opp_walk_count_json(walk, child);
        if (rc != OPP_OK)
            return rc;
    }
    return rc;
}

enum opp_code opp_walk_count_json(struct opp_json_walk *walk, const json_t *value)
{
    enum opp_code rc = opp_walk_count(walk, json_is_string(value) ? json_string_length(value) : 0);

    if (rc != OPP_OK || (!json_is_array(value) && !json_is_object(value)))
        return rc;
    rc = opp_walk_enter(walk);
    if (rc != OPP_OK)
        return rc;
    rc = count_children(walk, value);
    opp_walk_leave(walk);
    return rc;
}

enum opp_code opp_walk_text(struct opp_json_walk *walk, const char *text, size_t length)
{
    if (!opp_utf8_valid(text, length))
        return opp_walk_fail(walk, "its text is not UTF-8 that JSON can carry");
    return opp_walk_count(walk, length);
}

enum opp_code opp_walk_number(struct opp_json_walk *walk, int index)
{
    if (lua_isinteger(walk->L, index)) {
        if (!opp_jcs_is_exact(lua_tointeger(walk->L, index)))
            return opp_walk_fail(walk, "an integer beyond 2^53 is not exact in JSON; send it as a string");
    } else if (!isfinite(lua_tonumber(walk->L, index))) {
        return opp_walk_fail(walk, "it is not a number, or infinite");
    }
    return opp_walk_count(walk, 0);
}

enum opp_code opp_walk_inexact(struct opp_json_walk *walk, const char *column)
{
    return opp_fail_at(walk->err, OPP_E_SCRIPT, walk->path,
                       "the column %.80s holds an integer beyond 2^53, which is not exact in JSON; select it as text",
                       column);
}

/* Pops the value of a pair and judges its key. */
static enum opp_code count_key(struct opp_json_walk *walk, size_t *names, size_t *indexes, lua_Integer *highest)
{
    lua_State *L = walk->L;
    lua_Integer i;

    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
        ++*names;
        return OPP_OK;
    }
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1)
        return opp_walk_fail(walk, "a key is neither text nor an index from 1 on");
    i = lua_tointeger(L, -1);
    ++*indexes;
    *highest = i > *highest ? i : *highest;
    return OPP_OK;
}

enum opp_code opp_walk_shape(struct opp_json_walk *walk, int index, int storage, struct opp_json_shape *shape)
{
    bool marked = opp_value_is_array(walk->L, index);
    size_t names = 0, indexes = 0;
    lua_Integer highest = 0;

    lua_pushnil(walk->L);
    while (lua_next(walk->L, storage)) {
        enum opp_code rc = count_key(walk, &names, &indexes, &highest);

        if (rc != OPP_OK)
            return rc;
    }
    if (names > 0 && (indexes > 0 || marked))
        return opp_walk_fail(walk, "a table mixes an array's indexes with names");
    if ((lua_Unsigned)highest > indexes)
        return opp_walk_fail(walk, "an array has holes");
    shape->array = marked || indexes > 0;
    shape->count = names + indexes;
    return OPP_OK;
}
