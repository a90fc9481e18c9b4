/* SPDX-License-Identifier: MIT */
#include "adapter/lua_call.h"

#include "adapter/lane.h"
#include "adapter/marker.h"
#include "script/view.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

static const char metatable[] = "opp.call";

/* The members that are JSON: each view is made once, and kept in a user value. */
enum member {
    MEMBER_PAYLOAD,
    MEMBER_BOUNDARY,
    MEMBER_LIMITS,
    MEMBER_APP,
    MEMBER_ACTOR,
    MEMBER_COUNT
};

struct handle {
    uint64_t serial;
};

static json_t *member_of(const struct opp_tool_input *input, enum member member)
{
    switch (member) {
    case MEMBER_PAYLOAD:
        return input->payload;
    case MEMBER_BOUNDARY:
        return input->boundary;
    case MEMBER_LIMITS:
        return input->limits;
    case MEMBER_APP:
        return input->app;
    default:
        return input->actor;
    }
}

/* May jump. */
static void lj_push_member(lua_State *L, const struct opp_adapter_call *run, enum member member)
{
    json_t *value = member_of(&run->call->input, member);
    int slot = (int)member + 1;

    if (lua_getiuservalue(L, 1, slot) != LUA_TNIL || value == NULL)
        return;
    lua_pop(L, 1);
    lj_view_json(L, value, NULL);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, slot);
}

static int l_call_sql(lua_State *L)
{
    const struct opp_adapter_call *run = lj_lane_call(L);
    const struct opp_adapter *adapter = run->lane->adapter;
    const char *name = luaL_checkstring(L, 1);

    for (size_t i = 0; i < adapter->database_count; i++)
        if (strcmp(adapter->databases[i]->name, name) == 0) {
            lj_sql_push(L, i);
            return 1;
        }
    return luaL_error(L, "this adapter has no database '%s'", name);
}

static int l_call_new_id(lua_State *L)
{
    struct opp_adapter_call *run = lj_lane_call(L);
    const char *prefix;
    size_t length;

    luaL_checktype(L, 1, LUA_TSTRING);
    prefix = lua_tolstring(L, 1, &length);
    luaL_argcheck(L, length <= OPP_ID_PREFIX_MAX && strspn(prefix, "abcdefghijklmnopqrstuvwxyz0123456789_") == length,
                  1, "a prefix is at most 8 of a-z, 0-9 and _");
    if (!run->executing)
        return luaL_error(L, "new ids are for execute");
    if (json_array_size(run->new_ids) >= OPP_HOST_CALLS_MAX)
        return luaL_error(L, "one effect has at most %d new ids", OPP_HOST_CALLS_MAX);
    if (json_array_append_new(run->new_ids, json_string(prefix)) != 0)
        return luaL_error(L, "no memory for a new id");
    lj_marker_push_new_id(L, (unsigned)json_array_size(run->new_ids), prefix);
    return 1;
}

/* Gives whether key was one of them. May jump. */
static bool lj_push_host_field(lua_State *L, const struct opp_tool_input *input, const char *key)
{
    if (strcmp(key, "sql") == 0)
        lua_pushcfunction(L, l_call_sql);
    else if (strcmp(key, "http") == 0)
        lua_pushcfunction(L, l_call_http);
    else if (strcmp(key, "new_id") == 0)
        lua_pushcfunction(L, l_call_new_id);
    else if (strcmp(key, "now") == 0)
        lua_pushinteger(L, input->now_ms);
    else if (strcmp(key, "effect_id") == 0)
        lua_pushstring(L, input->effect_id);
    else
        return false;
    return true;
}

static int l_call_index(lua_State *L)
{
    static const char *const members[MEMBER_COUNT] = { "payload", "boundary", "limits", "app", "actor" };
    const struct opp_adapter_call *run = lj_lane_call(L);
    const struct handle *handle = lua_touserdata(L, 1);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

    if (handle->serial != run->serial)
        return luaL_error(L, "this call is over");
    for (int i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i], key) == 0) {
            lj_push_member(L, run, (enum member)i);
            return 1;
        }
    if (!lj_push_host_field(L, &run->call->input, key))
        return luaL_error(L, "a call has no field '%s'", key);
    return 1;
}

void lj_call_object_push(lua_State *L, const struct opp_adapter_call *run)
{
    struct handle *handle = lua_newuserdatauv(L, sizeof *handle, MEMBER_COUNT);

    handle->serial = run->serial;
    luaL_setmetatable(L, metatable);
}

static int l_install(lua_State *L)
{
    luaL_newmetatable(L, metatable);
    lua_pushcfunction(L, l_call_index);
    lua_setfield(L, -2, "__index");
    lj_sql_register(L);
    return 0;
}

enum opp_code opp_call_object_install(struct opp_script *script, struct opp_err *err)
{
    return opp_script_protect(script, l_install, NULL, err);
}
