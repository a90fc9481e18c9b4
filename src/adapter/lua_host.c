/* SPDX-License-Identifier: MIT */
#include "adapter/lua_host.h"

#include "adapter/lane.h"
#include "base/date.h"
#include "base/json.h"
#include "script/json_lua.h"
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/* What a JSON function holds while Lua may jump: freed with the userdata that it is in. */
struct held {
    struct opp_buf text;
    json_t *value;
};

static const char held_metatable[] = "opp.held";

static int l_held_gc(lua_State *L)
{
    struct held *held = lua_touserdata(L, 1);

    opp_buf_free(&held->text);
    json_decref(held->value);
    *held = (struct held){ 0 };
    return 0;
}

static struct held *lj_push_held(lua_State *L)
{
    struct held *held = lua_newuserdatauv(L, sizeof *held, 0);

    *held = (struct held){ 0 };
    luaL_setmetatable(L, held_metatable);
    return held;
}

static int lj_raise(lua_State *L, const struct opp_err *err)
{
    if (err->where[0] != '\0')
        return luaL_error(L, "%s: %s", err->where, err->message);
    return luaL_error(L, "%s", err->message);
}

static int l_json_encode(lua_State *L)
{
    struct opp_err err = { 0 };
    struct held *held;

    lua_settop(L, 1);
    held = lj_push_held(L);
    if (opp_script_print(L, 1, &held->text, NULL, &err) != OPP_OK)
        return lj_raise(L, &err);
    lj_script_charge(L, held->text.length / 16);
    lua_pushlstring(L, held->text.bytes, held->text.length);
    opp_buf_free(&held->text);
    return 1;
}

/* Gives nil and a message for what is no JSON. */
static int l_json_decode(lua_State *L)
{
    struct opp_err err = { 0 };
    const char *text;
    struct held *held;
    size_t length;

    luaL_checktype(L, 1, LUA_TSTRING);
    text = lua_tolstring(L, 1, &length);
    lj_script_charge(L, length / 8);
    held = lj_push_held(L);
    if (opp_json_parse(text, length, &held->value, &err) != OPP_OK) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    lj_json_push(L, held->value);
    json_decref(held->value);
    held->value = NULL;
    return 1;
}

/* Pushes what a parser makes of text, nil when it is none or holds a NUL. */
static int lj_push_date(lua_State *L, enum opp_code (*parse)(const char *, int64_t *, struct opp_err *))
{
    const char *text;
    size_t length;
    int64_t ms;

    luaL_checktype(L, 1, LUA_TSTRING);
    text = lua_tolstring(L, 1, &length);
    if (strlen(text) == length && parse(text, &ms, NULL) == OPP_OK)
        lua_pushinteger(L, ms);
    else
        lua_pushnil(L);
    return 1;
}

static int l_date_parse(lua_State *L)
{
    return lj_push_date(L, opp_date_parse);
}

static int l_date_day(lua_State *L)
{
    return lj_push_date(L, opp_date_parse_day);
}

static int l_date_format(lua_State *L)
{
    char text[OPP_DATE_MAX];

    opp_date_format(luaL_checkinteger(L, 1), text);
    lua_pushstring(L, text);
    return 1;
}

static int l_log(lua_State *L)
{
    const struct opp_lane *lane = opp_lane_of(L);

    luaL_checktype(L, 1, LUA_TSTRING);
    opp_log_event(lane->log, OPP_LOG_INFO, "adapter.log", "adapter", lane->adapter->name, "message", lua_tostring(L, 1),
                  NULL);
    return 0;
}

static int l_install(lua_State *L)
{
    luaL_newmetatable(L, held_metatable);
    lua_pushcfunction(L, l_held_gc);
    lua_setfield(L, -2, "__gc");
    return 0;
}

enum opp_code opp_host_install(struct opp_script *script, struct opp_err *err)
{
    static const struct opp_script_function json[] = { { "encode", l_json_encode },
                                                       { "decode", l_json_decode },
                                                       { NULL, NULL } };
    static const struct opp_script_function date[] = {
        { "parse", l_date_parse }, { "day", l_date_day }, { "format", l_date_format }, { NULL, NULL }
    };
    static const struct opp_script_function globals[] = { { "log", l_log }, { NULL, NULL } };
    enum opp_code rc = opp_script_protect(script, l_install, NULL, err);

    if (rc == OPP_OK)
        rc = opp_sandbox_add(script, "json", json, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(script, "date", date, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(script, NULL, globals, err);
    return rc == OPP_OK ? opp_encoding_install(script, err) : rc;
}
