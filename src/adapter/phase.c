/* SPDX-License-Identifier: MIT */
#include "adapter/phase.h"

#include "adapter/effect_internal.h"
#include "adapter/lua_call.h"
#include "adapter/marker.h"
#include "adapter/resources.h"
#include "base/json.h"
#include "script/json_lua.h"
#include "script/values.h"
#include "script/view.h"

#include <lauxlib.h>
#include <lua.h>

/* Stack slots of every phase: the argument, the call's object, what load gave. */
#define CALL_INDEX 2
#define LOADED_INDEX 3

static const int *functions_of(const struct opp_adapter_call *run)
{
    return run->lane->functions[run->call->input.tool->tool_index];
}

static bool has_function(const struct opp_adapter_call *run, enum opp_tool_fn fn)
{
    return functions_of(run)[fn] != LUA_NOREF;
}

/* Raises what is wrong with the answer of a function, at the line where that begins. May jump, always. */
static int lj_nonsense(lua_State *L, const struct opp_adapter_call *run, enum opp_tool_fn fn, const char *message)
{
    lua_Debug about;

    lua_rawgeti(L, LUA_REGISTRYINDEX, functions_of(run)[fn]);
    lua_getinfo(L, ">S", &about);
    return luaL_error(L, "%s:%d: %s: %s", about.source + (about.source[0] == '@'), about.linedefined,
                      opp_tool_fn_name(fn), message);
}

/* Calls a function with the call and what load gave (nil to load itself), and leaves its first answer, nil if there is
 * no such function. False: it refused. May jump. */
static bool lj_step(lua_State *L, struct opp_adapter_call *run, enum opp_tool_fn fn)
{
    const struct opp_marker *marker;

    if (!has_function(run, fn)) {
        lua_pushnil(L);
        return true;
    }
    opp_script_refill(run->lane->script);
    lua_rawgeti(L, LUA_REGISTRYINDEX, functions_of(run)[fn]);
    lua_pushvalue(L, CALL_INDEX);
    lua_pushvalue(L, LOADED_INDEX);
    lua_call(L, 2, 1);
    marker = opp_marker_of(L, -1);
    if (marker == NULL || marker->kind != OPP_MARKER_REFUSAL)
        return true;
    run->rc = marker->code;
    run->call->refusal = marker->as.refusal;
    return false;
}

/* Converts the answer on top of the stack, and pops it. May jump. */
static void lj_convert(lua_State *L, const struct opp_adapter_call *run, enum opp_tool_fn fn, json_t **out)
{
    struct opp_err err = { 0 };

    if (opp_script_to_json(L, -1, out, &err) != OPP_OK)
        lj_nonsense(L, run, fn, lua_pushfstring(L, "%s%s%s", err.where, err.where[0] != '\0' ? ": " : "", err.message));
    lua_pop(L, 1);
}

static void lj_convert_object(lua_State *L, const struct opp_adapter_call *run, enum opp_tool_fn fn, json_t **out)
{
    lj_convert(L, run, fn, out);
    if (!json_is_object(*out))
        lj_nonsense(L, run, fn, "it gives a table of names and values");
}

/* May jump. */
static void lj_prepare(lua_State *L, const struct opp_adapter_call *run)
{
    luaL_checkstack(L, 20, NULL);
    lj_call_object_push(L, run);
    if (run->loaded != LUA_NOREF)
        lua_rawgeti(L, LUA_REGISTRYINDEX, run->loaded);
    else
        lua_pushnil(L);
}

/* Runs resources; a read tool may have none. May jump. */
static void lj_resources(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_tool_call *call = run->call;
    const char *wrong;

    if (!has_function(run, OPP_FN_RESOURCES)) {
        call->resources = json_array();
        if (call->resources == NULL)
            luaL_error(L, "no memory for resources");
        return;
    }
    if (!lj_step(L, run, OPP_FN_RESOURCES))
        return;
    lj_convert(L, run, OPP_FN_RESOURCES, &call->resources);
    wrong = opp_resources_check(call->resources, call->input.tool->is_action);
    if (wrong != NULL)
        lj_nonsense(L, run, OPP_FN_RESOURCES, wrong);
}

int l_phase_load(lua_State *L)
{
    struct opp_adapter_call *run = lua_touserdata(L, 1);

    lj_prepare(L, run);
    run->recording = run->call->input.tool->is_action;
    if (!lj_step(L, run, OPP_FN_LOAD))
        return 0;
    run->recording = false;
    if (has_function(run, OPP_FN_LOAD) && (lua_isnil(L, -1) || opp_view_is_null(L, -1))) {
        run->rc = OPP_E_ABSENT;
        return 0;
    }
    lua_replace(L, LOADED_INDEX);
    lua_pushvalue(L, LOADED_INDEX);
    run->loaded = luaL_ref(L, LUA_REGISTRYINDEX);
    lj_resources(L, run);
    return 0;
}

/* The fields of state that are bound. May jump. */
static void lj_take_witness(lua_State *L, const struct opp_adapter_call *run)
{
    struct opp_tool_call *call = run->call;
    const json_t *names = call->input.tool->witness;
    json_t *name;
    size_t i;

    if (names == NULL) {
        call->witness = json_incref(call->state);
        return;
    }
    call->witness = json_object();
    if (call->witness == NULL)
        luaL_error(L, "no memory for a witness");
    json_array_foreach(names, i, name)
    {
        json_t *value = json_object_get(call->state, json_string_value(name));

        if (value == NULL)
            lj_nonsense(L, run, OPP_FN_STATE,
                        lua_pushfstring(L, "it lacks '%s', which the witness names", json_string_value(name)));
        if (json_object_set(call->witness, json_string_value(name), value) != 0)
            luaL_error(L, "no memory for a witness");
    }
}

/* False: the tool refused. May jump. */
static bool lj_state(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_tool_call *call = run->call;

    if (!has_function(run, OPP_FN_STATE))
        return true;
    if (!lj_step(L, run, OPP_FN_STATE))
        return false;
    if (lua_isnil(L, -1) || opp_view_is_null(L, -1)) {
        run->rc = OPP_E_PRECONDITION;
        call->refusal = (struct opp_refusal){ .reason = "state_witness_unavailable",
                                              .message = "The state that this depends on is not known." };
        return false;
    }
    lj_convert_object(L, run, OPP_FN_STATE, &call->state);
    lj_take_witness(L, run);
    return true;
}

static bool lj_impact(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_tool_call *call = run->call;

    if (!has_function(run, OPP_FN_IMPACT)) {
        call->impact = json_pack("{s:s}", "summary", call->input.tool->description);
        return call->impact != NULL || luaL_error(L, "no memory for an impact");
    }
    if (!lj_step(L, run, OPP_FN_IMPACT))
        return false;
    lj_convert_object(L, run, OPP_FN_IMPACT, &call->impact);
    return true;
}

static bool lj_check(lua_State *L, struct opp_adapter_call *run)
{
    if (!lj_step(L, run, OPP_FN_CHECK))
        return false;
    if (!lua_isnil(L, -1))
        lj_nonsense(L, run, OPP_FN_CHECK, "it gives a refusal or nothing");
    lua_pop(L, 1);
    return true;
}

static void lj_execute(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_err err = { 0 };

    run->executing = true;
    run->new_ids = json_array();
    if (run->new_ids == NULL)
        luaL_error(L, "no memory for an effect");
    if (!lj_step(L, run, OPP_FN_EXECUTE))
        return;
    run->executing = false;
    lj_effect_build(L, run, lua_gettop(L));
    if (opp_effect_make(run, &run->call->effect, &err) != OPP_OK)
        luaL_error(L, "%s", err.message);
}

int l_phase_inspect(lua_State *L)
{
    struct opp_adapter_call *run = lua_touserdata(L, 1);

    lj_prepare(L, run);
    run->recording = true;
    if (!lj_check(L, run) || !lj_state(L, run))
        return 0;
    run->recording = false;
    if (lj_impact(L, run))
        lj_execute(L, run);
    return 0;
}

/* The core checks rows that come from a query; a list that Lua built would pass it by. May jump. */
static void lj_check_list(lua_State *L, const struct opp_adapter_call *run, const char *list)
{
    size_t first, count;
    lua_Integer length;

    if (opp_value_kind(L, -1) == OPP_VALUE_OTHER)
        lj_nonsense(L, run, OPP_FN_READ, "it gives a table of names and values");
    lua_getfield(L, -1, list);
    if (opp_view_rows(L, -1, &first, &count) == NULL) {
        if (opp_value_kind(L, -1) == OPP_VALUE_OTHER)
            lj_nonsense(L, run, OPP_FN_READ, lua_pushfstring(L, "'%s' is no list of rows", list));
        length = lj_value_length(L, -1);
        for (lua_Integer i = 1; i <= length; i++) {
            lj_value_geti(L, -1, i);
            if (opp_view_rows(L, -1, &first, &count) == NULL)
                lj_nonsense(L, run, OPP_FN_READ, lua_pushfstring(L, "'%s' holds what is no row of a query", list));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

int l_phase_read(lua_State *L)
{
    struct opp_adapter_call *run = lua_touserdata(L, 1);
    const char *list = ((const struct opp_tool_entry *)run->call->input.tool)->list;

    lj_prepare(L, run);
    if (!lj_step(L, run, OPP_FN_READ))
        return 0;
    if (list != NULL)
        lj_check_list(L, run, list);
    return 1;
}
