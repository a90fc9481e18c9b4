/* SPDX-License-Identifier: MIT */
#include "adapter/marker.h"
#include "base/utf8.h"
#include "script/sandbox.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char metatable[] = "opp.marker";
static const char from_metatable[] = "opp.from";

const struct opp_marker *opp_marker_of(lua_State *L, int index)
{
    return luaL_testudata(L, index, metatable);
}

/* No more of a marker than its kind has: a refusal is large, and the others are made for each effect. */
static size_t size_of(enum opp_marker_kind kind)
{
    switch (kind) {
    case OPP_MARKER_REFUSAL:
        return sizeof(struct opp_marker);
    case OPP_MARKER_NEW_ID:
        return offsetof(struct opp_marker, as.new_id) + sizeof(((struct opp_marker *)NULL)->as.new_id);
    case OPP_MARKER_FROM:
        return offsetof(struct opp_marker, as.from) + sizeof(((struct opp_marker *)NULL)->as.from);
    default:
        return offsetof(struct opp_marker, as);
    }
}

static struct opp_marker *lj_push(lua_State *L, enum opp_marker_kind kind)
{
    struct opp_marker *marker = lua_newuserdatauv(L, size_of(kind), 1);

    memset(marker, 0, size_of(kind));
    marker->kind = kind;
    luaL_setmetatable(L, metatable);
    return marker;
}

void lj_marker_push_new_id(lua_State *L, unsigned n, const char *prefix)
{
    struct opp_marker *marker = lj_push(L, OPP_MARKER_NEW_ID);

    marker->as.new_id.n = n;
    snprintf(marker->as.new_id.prefix, sizeof marker->as.new_id.prefix, "%s", prefix);
}

/* A text argument that must fit; an absent one is empty where it may be. May jump. */
static void lj_copy_text(lua_State *L, int argument, bool optional, char *to, size_t size)
{
    const char *text;
    size_t length;

    if (optional && lua_isnoneornil(L, argument))
        return;
    luaL_checktype(L, argument, LUA_TSTRING);
    text = lua_tolstring(L, argument, &length);
    luaL_argcheck(L, length < size, argument, "it is too long");
    luaL_argcheck(L, opp_utf8_valid(text, length), argument, "it is no UTF-8 text");
    memcpy(to, text, length + 1);
}

static struct opp_refusal *lj_push_refusal(lua_State *L, enum opp_code code)
{
    struct opp_marker *marker = lj_push(L, OPP_MARKER_REFUSAL);

    marker->code = code;
    return &marker->as.refusal;
}

static int l_refuse_invalid(lua_State *L)
{
    struct opp_refusal *refusal;

    lua_settop(L, 2);
    refusal = lj_push_refusal(L, OPP_E_ACTION_INVALID);
    lj_copy_text(L, 1, false, refusal->message, sizeof refusal->message);
    lj_copy_text(L, 2, true, refusal->path, sizeof refusal->path);
    return 1;
}

void lj_marker_push_invalid(lua_State *L, const char *message)
{
    struct opp_refusal *refusal = lj_push_refusal(L, OPP_E_ACTION_INVALID);

    snprintf(refusal->message, sizeof refusal->message, "%s", message);
}

static int l_refuse_conflict(lua_State *L)
{
    struct opp_refusal *refusal;

    lua_settop(L, 2);
    refusal = lj_push_refusal(L, OPP_E_PRECONDITION);
    lj_copy_text(L, 1, false, refusal->reason, sizeof refusal->reason);
    lj_copy_text(L, 2, true, refusal->message, sizeof refusal->message);
    return 1;
}

static int l_refuse_gone(lua_State *L)
{
    lj_push_refusal(L, OPP_E_ABSENT);
    return 1;
}

void lj_marker_push_unavailable(lua_State *L, int64_t seconds)
{
    lj_push_refusal(L, OPP_E_EXECUTION_FAILED)->retry_after_s = seconds;
}

static int l_refuse_unavailable(lua_State *L)
{
    lua_Integer seconds = luaL_optinteger(L, 1, 1);

    luaL_argcheck(L, seconds >= 1 && seconds <= 86400, 1, "seconds are from 1 to 86400");
    lj_marker_push_unavailable(L, seconds);
    return 1;
}

static int lj_push_effect(lua_State *L, enum opp_marker_kind kind)
{
    lj_value_check(L, 1);
    lj_push(L, kind);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int l_sql_effect(lua_State *L)
{
    return lj_push_effect(L, OPP_MARKER_EFFECT);
}

static int l_http_effect(lua_State *L)
{
    return lj_push_effect(L, OPP_MARKER_HTTP_EFFECT);
}

static int l_value(lua_State *L)
{
    return lj_push_effect(L, OPP_MARKER_VALUE);
}

/* from.<row> */
static int l_from_index(lua_State *L)
{
    struct opp_marker *marker = lj_push(L, OPP_MARKER_FROM);

    lj_copy_text(L, 2, false, marker->as.from.row, sizeof marker->as.from.row);
    return 1;
}

/* from.<row>.<field>; other markers have nothing to read. */
static int l_marker_index(lua_State *L)
{
    const struct opp_marker *from = luaL_checkudata(L, 1, metatable);
    struct opp_marker *marker;

    if (from->kind != OPP_MARKER_FROM || from->as.from.field[0] != '\0')
        return luaL_error(L, "this value has no fields: it is known when the effect has run");
    marker = lj_push(L, OPP_MARKER_FROM);
    memcpy(marker->as.from.row, from->as.from.row, sizeof marker->as.from.row);
    lj_copy_text(L, 2, false, marker->as.from.field, sizeof marker->as.from.field);
    return 1;
}

static int l_install(lua_State *L)
{
    luaL_newmetatable(L, metatable);
    lua_pushcfunction(L, l_marker_index);
    lua_setfield(L, -2, "__index");
    luaL_newmetatable(L, from_metatable);
    lua_pushcfunction(L, l_from_index);
    lua_setfield(L, -2, "__index");
    lua_newuserdatauv(L, 0, 0);
    luaL_setmetatable(L, from_metatable);
    return 1;
}

enum opp_code opp_markers_install(struct opp_script *script, struct opp_err *err)
{
    static const struct opp_script_function refuse[] = { { "invalid", l_refuse_invalid },
                                                         { "conflict", l_refuse_conflict },
                                                         { "gone", l_refuse_gone },
                                                         { "unavailable", l_refuse_unavailable },
                                                         { NULL, NULL } };
    static const struct opp_script_function sql[] = { { "effect", l_sql_effect }, { NULL, NULL } };
    static const struct opp_script_function http[] = { { "effect", l_http_effect }, { NULL, NULL } };
    static const struct opp_script_function globals[] = { { "value", l_value }, { NULL, NULL } };
    enum opp_code rc = opp_sandbox_add(script, "refuse", refuse, err);

    if (rc == OPP_OK)
        rc = opp_sandbox_add(script, "sql", sql, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(script, "http", http, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(script, NULL, globals, err);
    if (rc == OPP_OK)
        rc = opp_script_protect(script, l_install, NULL, err);
    if (rc != OPP_OK)
        return rc;
    return opp_sandbox_set(script, NULL, "from", err);
}
