/* SPDX-License-Identifier: MIT */
#include "adapter/facts.h"
#include "adapter/facts_schema.h"
#include "base/json.h"
#include "base/schema.h"
#include "script/json_lua.h"
#include "script/values.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

/* What is made while Lua may jump. */
struct reading {
    struct opp_lane *lane;
    json_t *declared, *tools, *places;
    struct opp_err err;
};

static int lj_no_memory(lua_State *L)
{
    return luaL_error(L, "no memory for an adapter's declaration");
}

/* Adds the pair on top of the stack to object, a function as true. May jump. */
static void lj_add_field(lua_State *L, struct reading *reading, json_t *object)
{
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    json_t *value = NULL;

    if (key == NULL)
        luaL_error(L, "every field of init.lua's table and of a tool has a name");
    if (lua_isfunction(L, -1))
        value = json_true();
    else if (opp_script_to_json(L, -1, &value, &reading->err) != OPP_OK)
        luaL_error(L, "%s%s: %s", key, reading->err.where, reading->err.message);
    if (json_object_set_new(object, key, value) != 0)
        lj_no_memory(L);
}

/* Pushes file:line of the first function of a tool, or an empty text. May jump. */
static const char *lj_push_place(lua_State *L, const int functions[OPP_FN_COUNT])
{
    lua_Debug about;
    int first = LUA_NOREF, line = 0;

    for (int fn = 0; fn < OPP_FN_COUNT; fn++) {
        if (functions[fn] == LUA_NOREF)
            continue;
        lua_rawgeti(L, LUA_REGISTRYINDEX, functions[fn]);
        lua_getinfo(L, ">S", &about);
        if (first == LUA_NOREF || about.linedefined < line) {
            first = functions[fn];
            line = about.linedefined;
        }
    }
    if (first == LUA_NOREF)
        return lua_pushliteral(L, "");
    lua_rawgeti(L, LUA_REGISTRYINDEX, first);
    lua_getinfo(L, ">S", &about);
    return lua_pushfstring(L, "%s:%d", about.source + (about.source[0] == '@'), about.linedefined);
}

/* Reads the tool on top of the stack. May jump. */
static void lj_read_tool(lua_State *L, struct reading *reading, size_t index)
{
    json_t *tool = json_object();
    int at = lua_gettop(L);
    const char *place;

    if (json_array_append_new(reading->tools, tool) != 0)
        lj_no_memory(L);
    if (!lua_istable(L, at) || index >= reading->lane->tool_count)
        luaL_error(L, "tools is an array of tables");
    place = lj_push_place(L, reading->lane->functions[index]);
    if (json_array_append_new(reading->places, json_string(place)) != 0)
        lj_no_memory(L);
    lua_pushnil(L);
    while (lj_value_next(L, at)) {
        lj_add_field(L, reading, tool);
        lua_pop(L, 1);
    }
    lua_settop(L, at);
}

/* Reads the array of tools on top of the stack. May jump. */
static void lj_read_tools(lua_State *L, struct reading *reading)
{
    lua_Integer count;

    if (!lua_istable(L, -1))
        luaL_error(L, "tools is an array of tables");
    count = lj_value_length(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        lj_value_geti(L, -1, i);
        lj_read_tool(L, reading, (size_t)i - 1);
        lua_pop(L, 1);
    }
}

static int l_read(lua_State *L)
{
    struct reading *reading = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, reading->lane->definition);
    if (!lua_istable(L, 2))
        return luaL_error(L, "init.lua gives no table");
    lua_pushnil(L);
    while (lj_value_next(L, 2)) {
        if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), "tools") == 0)
            lj_read_tools(L, reading);
        else
            lj_add_field(L, reading, reading->declared);
        lua_pop(L, 1);
    }
    if (json_object_set(reading->declared, "tools", reading->tools) != 0)
        return lj_no_memory(L);
    return 0;
}

/* Says the first issue that a validator found. */
static enum opp_code fail_with(const json_t *issues, const char *where, const char *what, struct opp_err *err)
{
    const json_t *issue = json_array_get(issues, 0);
    const char *pointer = opp_json_text(issue, "pointer");
    const char *message = opp_json_text(issue, "message");

    return opp_fail_at(err, OPP_E_CONFIG, where, "%s: %s: %s", what,
                       pointer != NULL && pointer[0] != '\0' ? pointer + 1 : "its table",
                       message != NULL ? message : "it is not valid");
}

enum opp_code opp_facts_check(const char *schema, const json_t *declared, const char *where, const char *what,
                              struct opp_err *err)
{
    struct opp_schema *compiled = NULL;
    json_t *document = NULL, *issues = NULL;
    enum opp_code rc = opp_json_parse(schema, strlen(schema), &document, err);

    if (rc == OPP_OK)
        rc = opp_schema_compile(document, &compiled, err);
    if (rc == OPP_OK) {
        rc = opp_schema_validate(compiled, declared, &issues, NULL);
        if (rc == OPP_E_VALIDATION)
            rc = fail_with(issues, where, what, err);
        else if (rc != OPP_OK)
            rc = opp_fail(err, rc, "%s cannot be checked", what);
    }
    json_decref(issues);
    opp_schema_free(compiled);
    json_decref(document);
    return rc;
}

enum opp_code opp_facts_read(struct opp_lane *lane, json_t **out, json_t **places, struct opp_err *err)
{
    struct reading reading = { .lane = lane, .declared = json_object(), .tools = json_array(), .places = json_array() };
    struct opp_err why = { 0 };
    char where[sizeof err->where];
    enum opp_code rc;

    snprintf(where, sizeof where, "%s/init.lua", lane->adapter->name);
    if (reading.declared == NULL || reading.tools == NULL || reading.places == NULL)
        rc = opp_fail(&why, OPP_E_MEMORY, "no memory");
    else
        rc = opp_script_protect(lane->script, l_read, &reading, &why);
    if (rc != OPP_OK)
        rc = opp_fail_at(err, rc == OPP_E_MEMORY ? rc : OPP_E_CONFIG, where, "the adapter %s: %s", lane->adapter->name,
                         why.message);
    else
        rc = opp_facts_check(opp_facts_adapter_schema, reading.declared, where, lane->adapter->name, err);
    if (rc == OPP_OK) {
        *out = json_incref(reading.declared);
        *places = json_incref(reading.places);
    }
    json_decref(reading.declared);
    json_decref(reading.tools);
    json_decref(reading.places);
    return rc;
}
