/* SPDX-License-Identifier: MIT */
#include "policy/lua_match.h"

#include "base/net.h"
#include "policy/glob.h"
#include "policy/lua_state.h"
#include "policy/obligations.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#define GLOB_MAX 256

static int l_policy_glob(lua_State *L)
{
    size_t pattern, text;

    luaL_checktype(L, 1, LUA_TSTRING);
    luaL_checktype(L, 2, LUA_TSTRING);
    pattern = lua_rawlen(L, 1);
    text = lua_rawlen(L, 2);
    luaL_argcheck(L, pattern <= GLOB_MAX && strlen(lua_tostring(L, 1)) == pattern, 1, "it is no pattern");
    if (strlen(lua_tostring(L, 2)) != text) {
        lua_pushboolean(L, false); /* no name has a zero byte */
        return 1;
    }
    lj_script_charge(L, pattern * text / 16);
    lua_pushboolean(L, opp_glob(lua_tostring(L, 1), lua_tostring(L, 2)));
    return 1;
}

static int l_policy_ip_in(lua_State *L)
{
    struct opp_address address;
    struct opp_cidr cidr;

    luaL_checktype(L, 1, LUA_TSTRING);
    luaL_checktype(L, 2, LUA_TSTRING);
    luaL_argcheck(L, opp_address_parse(lua_tostring(L, 1), &address, NULL) == OPP_OK, 1, "it is no IP address");
    luaL_argcheck(L, opp_cidr_parse(lua_tostring(L, 2), &cidr, NULL) == OPP_OK, 2, "it is no block of IP addresses");
    lua_pushboolean(L, opp_cidr_holds(&cidr, &address));
    return 1;
}

const struct opp_script_function opp_match_functions[] = { { "glob", l_policy_glob },
                                                           { "ip_in", l_policy_ip_in },
                                                           { NULL, NULL } };

struct recent {
    const char *tool;
    int64_t seconds;
};

/* The pair on top is a field of what recent was given. May jump. */
static void lj_recent_field(lua_State *L, struct recent *wanted)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(a list element)";

    if (strcmp(name, "tool") == 0 && lua_type(L, -1) == LUA_TSTRING)
        wanted->tool = lua_tostring(L, -1);
    else if (strcmp(name, "seconds") == 0 && lua_isinteger(L, -1))
        wanted->seconds = lua_tointeger(L, -1);
    else
        luaL_error(L, "recent: '%s' is no field of it, or no such value", name);
}

static int l_request_recent(lua_State *L)
{
    const struct opp_policy_request *request = opp_policy_lua_of(L)->request;
    struct recent wanted = { 0 };
    int64_t count;

    lua_settop(L, 1);
    if (request == NULL || request->recent == NULL)
        return luaL_error(L, "recent executions are known only for a request");
    if (opp_value_kind(L, 1) == OPP_VALUE_OTHER)
        return luaL_error(L, "recent takes a table: recent{ tool =, seconds = }");
    lua_pushnil(L);
    while (lj_value_next(L, 1)) {
        lj_recent_field(L, &wanted);
        lua_pop(L, 1);
    }
    if (wanted.seconds < 1 || wanted.seconds > OPP_POLICY_SECONDS_MAX)
        return luaL_error(L, "recent needs seconds, a whole number from 1 on");
    lj_script_charge(L, 1000);
    count = request->recent(request->arg, wanted.tool, wanted.seconds);
    if (count < 0)
        return luaL_error(L, "recent executions are not known now");
    lua_pushinteger(L, count);
    return 1;
}

const struct opp_script_function opp_request_methods[] = { { "recent", l_request_recent }, { NULL, NULL } };
