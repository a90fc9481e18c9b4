/* SPDX-License-Identifier: MIT
 *
 * policy/lua_module.c - require "opp.engine": a profile's rules asked from ordinary Lua, for their authors' own specs.
 * May include: base, policy.
 *
 *   local engine = require "opp.engine"
 *   local strict = engine.load("policies", "strict", { { name = "x.delete", kind = "action", risk = "high" } })
 *   strict:decide { tool = "x.delete", phase = "action", payload = { … } }  → { outcome = "draft", approvals = 2, … }
 *   strict:witness("x.delete", state, payload)                              → { [rule] = facts } or nil
 *
 * decide takes what a rule's test is given; a failed rule is outcome "deny" with failed and error. load raises what
 * refuses the profile. The interpreter that loads this is not the sandbox: each profile has a sealed state of its own.
 */
#include "policy/engine_internal.h"
#include "policy/selftest.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#define LOADED "opp.engine.loaded"
#define BOX "opp.engine.json"
#define DEPTH_MAX 32

int luaopen_opp_engine(lua_State *L);

struct loaded {
    struct opp_policy_engine *engine;
};

static json_t *to_json(lua_State *L, int index, unsigned depth);

static json_t *list_to_json(lua_State *L, int index, unsigned depth)
{
    json_t *list = json_array();

    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, index); i++) {
        lua_rawgeti(L, index, i);
        if (json_array_append_new(list, to_json(L, lua_gettop(L), depth)) != 0) {
            json_decref(list);
            list = NULL;
        }
        lua_pop(L, 1);
    }
    return list;
}

static json_t *object_to_json(lua_State *L, int index, unsigned depth)
{
    json_t *object = json_object();

    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING ||
            json_object_set_new(object, lua_tostring(L, -2), to_json(L, lua_gettop(L), depth)) != 0) {
            json_decref(object);
            lua_pop(L, 2);
            return NULL;
        }
        lua_pop(L, 1);
    }
    return object;
}

/* Gives the value at a positive index; NULL: it cannot be JSON. Raises nothing. */
static json_t *to_json(lua_State *L, int index, unsigned depth)
{
    size_t length;
    const char *text;

    if (depth > DEPTH_MAX || !lua_checkstack(L, 6))
        return NULL;
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return lua_isinteger(L, index) ? json_integer(lua_tointeger(L, index)) : json_real(lua_tonumber(L, index));
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        return json_stringn(text, length);
    case LUA_TTABLE:
        return lua_rawlen(L, index) > 0 ? list_to_json(L, index, depth + 1) : object_to_json(L, index, depth + 1);
    case LUA_TLIGHTUSERDATA:
        return lua_touserdata(L, index) == NULL ? json_null() : NULL;
    default:
        return NULL;
    }
}

/* Pushes null as NULL light userdata. May jump; value must be owned by a box. */
static void lj_push(lua_State *L, const json_t *value)
{
    const char *key;
    json_t *child;
    size_t i;

    luaL_checkstack(L, 4, NULL);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        lua_newtable(L);
        json_object_foreach((json_t *)(uintptr_t)value, key, child)
        {
            lj_push(L, child);
            lua_setfield(L, -2, key);
        }
        break;
    case JSON_ARRAY:
        lua_newtable(L);
        json_array_foreach(value, i, child)
        {
            lj_push(L, child);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(value));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(value));
        break;
    case JSON_NULL:
        lua_pushlightuserdata(L, NULL);
        break;
    default:
        lua_pushboolean(L, json_is_true(value));
    }
}

/* Pushes an owner of JSON, so that an error leaks none. May jump. */
static json_t **lj_box(lua_State *L)
{
    json_t **box = lua_newuserdatauv(L, sizeof(json_t *), 0);

    *box = NULL;
    luaL_setmetatable(L, BOX);
    return box;
}

static int l_box_free(lua_State *L)
{
    json_t **box = luaL_checkudata(L, 1, BOX);

    json_decref(*box);
    *box = NULL;
    return 0;
}

static int l_loaded_free(lua_State *L)
{
    struct loaded *loaded = luaL_checkudata(L, 1, LOADED);

    opp_policy_engine_free(loaded->engine);
    loaded->engine = NULL;
    return 0;
}

/* Gives the argument as JSON, boxed. May jump. */
static json_t *lj_argument(lua_State *L, int argument)
{
    json_t **box = lj_box(L);

    *box = lua_isnoneornil(L, argument) ? json_object() : to_json(L, argument, 0);
    if (*box == NULL)
        luaL_argerror(L, argument, "it cannot be JSON");
    return *box;
}

/* What JSON says of tools, as the loader wants it; NULL: memory is out. Lends from the JSON. */
static struct opp_policy_tool *describe_tools(const json_t *list)
{
    struct opp_policy_tool *tools = calloc(json_array_size(list) + 1, sizeof *tools);
    json_t *item;
    size_t i;

    if (tools == NULL)
        return NULL;
    json_array_foreach(list, i, item)
    {
        const char *kind = json_string_value(json_object_get(item, "kind"));
        const char *risk = json_string_value(json_object_get(item, "risk"));
        const char *name = json_string_value(json_object_get(item, "name"));

        tools[i] = (struct opp_policy_tool){ .name = name != NULL ? name : "",
                                             .kind = kind != NULL ? kind : "action",
                                             .risk = risk != NULL ? risk : "low",
                                             .facts = json_object_get(item, "facts") };
        if (json_is_array(json_object_get(item, "scopes")))
            tools[i].scopes = json_object_get(item, "scopes");
    }
    return tools;
}

/* Raises nothing. */
static enum opp_code load(const char *dir, const char *profile, const json_t *tools, struct opp_policy_engine **out,
                          struct opp_err *err)
{
    struct opp_policy_tools all = { .list = describe_tools(tools), .count = json_array_size(tools) };
    struct opp_policy_sources *sources = NULL;
    struct opp_policy_bundle *bundle = NULL;
    enum opp_code rc;

    if (all.list == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the tools");
    rc = opp_policy_sources_read(dir, profile, &sources, err);
    if (rc == OPP_OK)
        rc = opp_policy_bundle_new(sources, &all, &bundle, NULL, err);
    if (rc == OPP_OK)
        rc = opp_policy_engine_new(bundle, out, err);
    opp_policy_bundle_unref(bundle);
    free((void *)(uintptr_t)all.list);
    return rc;
}

static int l_engine_load(lua_State *L)
{
    const char *dir = luaL_checkstring(L, 1), *profile = luaL_checkstring(L, 2);
    const json_t *tools = lj_argument(L, 3);
    struct loaded *loaded = lua_newuserdatauv(L, sizeof *loaded, 0);
    struct opp_err err = { 0 };

    loaded->engine = NULL;
    luaL_setmetatable(L, LOADED);
    if (load(dir, profile, tools, &loaded->engine, &err) != OPP_OK)
        return luaL_error(L, "%s: %s", err.where, err.message);
    return 1;
}

static void add_error(json_t *said, const struct opp_policy_decision *decision)
{
    if (decision->failed && said != NULL)
        json_object_set_new(said, "error", json_sprintf("%s: %s", decision->error.where, decision->error.message));
}

/* Gives the decision as JSON, NULL with err set. Raises nothing. */
static json_t *decide(struct opp_policy_engine *engine, json_t *given, struct opp_err *err)
{
    const json_t *named = json_object_get(given, "tool");
    const char *name = json_string_value(json_is_object(named) ? json_object_get(named, "name") : named);
    const struct opp_tool_rules *tool = opp_bundle_tool(engine->bundle, name != NULL ? name : "");
    struct opp_policy_decision decision = { 0 };
    struct opp_given made = { .recent = 0 };
    json_t *test = json_pack("{s:O}", "given", given), *said = NULL;

    if (tool == NULL)
        opp_fail(err, OPP_E_VALIDATION, "there is no tool of that name");
    else if (opp_given_read(test, tool, &made, err) == OPP_OK) {
        opp_policy_decide(engine, &made.request, &decision);
        said = opp_policy_decision_json(&decision);
        add_error(said, &decision);
        opp_policy_decision_clear(&decision);
    }
    opp_given_free(&made);
    json_decref(test);
    if (said != NULL && opp_policy_engine_stale(engine))
        opp_policy_engine_renew(engine, NULL);
    return said;
}

static int l_engine_decide(lua_State *L)
{
    struct loaded *loaded = luaL_checkudata(L, 1, LOADED);
    json_t *given = lj_argument(L, 2), **box = lj_box(L);
    struct opp_err err = { 0 };

    *box = decide(loaded->engine, given, &err);
    if (*box == NULL)
        return luaL_error(L, "%s", err.message);
    lj_push(L, *box);
    return 1;
}

static int l_engine_witness(lua_State *L)
{
    struct loaded *loaded = luaL_checkudata(L, 1, LOADED);
    const char *tool = luaL_checkstring(L, 2);
    json_t *state = lj_argument(L, 3), *payload = lj_argument(L, 4), **box = lj_box(L);
    struct opp_err err = { 0 };

    if (opp_policy_witness(loaded->engine, tool, state, payload, box, &err) != OPP_OK)
        return luaL_error(L, "%s: %s", err.where, err.message);
    if (*box == NULL)
        return 0;
    lj_push(L, *box);
    return 1;
}

int luaopen_opp_engine(lua_State *L)
{
    static const luaL_Reg methods[] = { { "decide", l_engine_decide },
                                        { "witness", l_engine_witness },
                                        { NULL, NULL } };
    static const luaL_Reg functions[] = { { "load", l_engine_load }, { NULL, NULL } };

    luaL_newmetatable(L, BOX);
    lua_pushcfunction(L, l_box_free);
    lua_setfield(L, -2, "__gc");
    luaL_newmetatable(L, LOADED);
    lua_pushcfunction(L, l_loaded_free);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
