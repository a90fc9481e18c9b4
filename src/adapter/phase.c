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

/* A function of the tool that a phase calls, and what is made of its answer. */
struct opp_phase_step {
    enum opp_tool_fn fn;
    bool records; /* what an action's effect depends on: its queries are kept */
    bool (*take)(lua_State *L, struct opp_adapter_call *run);
};

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

/* What a function answered is on top of the stack, nil if the tool has none. False: the tool refuses. All may jump. */

static bool lj_take_loaded(lua_State *L, struct opp_adapter_call *run)
{
    if (has_function(run, OPP_FN_LOAD) && (lua_isnil(L, -1) || opp_view_is_null(L, -1))) {
        run->rc = OPP_E_ABSENT;
        return false;
    }
    lua_replace(L, LOADED_INDEX);
    lua_pushvalue(L, LOADED_INDEX);
    run->loaded = luaL_ref(L, LUA_REGISTRYINDEX);
    return true;
}

/* A read tool may have none. */
static bool lj_take_resources(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_tool_call *call = run->call;
    const char *wrong;

    if (!has_function(run, OPP_FN_RESOURCES)) {
        call->resources = json_array();
        return call->resources != NULL || luaL_error(L, "no memory for resources");
    }
    lj_convert(L, run, OPP_FN_RESOURCES, &call->resources);
    wrong = opp_resources_check(call->resources, call->input.tool->is_action);
    if (wrong != NULL)
        lj_nonsense(L, run, OPP_FN_RESOURCES, wrong);
    return true;
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

static bool lj_take_state(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_tool_call *call = run->call;

    if (!has_function(run, OPP_FN_STATE))
        return true;
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

static bool lj_take_impact(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_tool_call *call = run->call;

    if (!has_function(run, OPP_FN_IMPACT)) {
        call->impact = json_pack("{s:s}", "summary", call->input.tool->description);
        return call->impact != NULL || luaL_error(L, "no memory for an impact");
    }
    lj_convert_object(L, run, OPP_FN_IMPACT, &call->impact);
    return true;
}

static bool lj_take_check(lua_State *L, struct opp_adapter_call *run)
{
    if (!lua_isnil(L, -1))
        lj_nonsense(L, run, OPP_FN_CHECK, "it gives a refusal or nothing");
    return true;
}

static bool lj_take_effect(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_err err = { 0 };

    run->executing = false;
    lj_effect_build(L, run, lua_gettop(L));
    if (opp_effect_make(run, &run->call->effect, &err) != OPP_OK)
        luaL_error(L, "%s", err.message);
    return true;
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

static bool lj_take_answer(lua_State *L, struct opp_adapter_call *run)
{
    const char *list = ((const struct opp_tool_entry *)run->call->input.tool)->list;

    if (list != NULL)
        lj_check_list(L, run, list);
    return true;
}

/* What the functions of these phases give is taken in this order. */
static const struct opp_phase_step load_steps[] = { { OPP_FN_LOAD, true, lj_take_loaded },
                                                    { OPP_FN_RESOURCES, false, lj_take_resources },
                                                    { OPP_FN_COUNT, false, NULL } };
static const struct opp_phase_step inspect_steps[] = {
    { OPP_FN_CHECK, true, lj_take_check },
    { OPP_FN_STATE, true, lj_take_state },
    { OPP_FN_IMPACT, false, lj_take_impact },
    { OPP_FN_EXECUTE, false, lj_take_effect },
    { OPP_FN_COUNT, false, NULL },
};
static const struct opp_phase_step read_steps[] = { { OPP_FN_READ, false, lj_take_answer },
                                                    { OPP_FN_COUNT, false, NULL } };

bool opp_phase_is_refused(lua_State *L, struct opp_adapter_call *run)
{
    const struct opp_marker *marker = opp_marker_of(L, -1);

    if (marker == NULL || marker->kind != OPP_MARKER_REFUSAL)
        return false;
    run->rc = marker->code;
    run->call->refusal = marker->as.refusal;
    return true;
}

/* The answer on top of the stack is taken, unless it is a refusal; only a read's stays there. May jump. */
static bool lj_take(lua_State *L, struct opp_adapter_call *run)
{
    const struct opp_phase_step *step = run->step++;

    run->recording = false;
    if (opp_phase_is_refused(L, run) || !step->take(L, run))
        return false;
    if (step->fn != OPP_FN_READ)
        lua_settop(L, LOADED_INDEX);
    return true;
}

static void lj_begin_execute(lua_State *L, struct opp_adapter_call *run)
{
    run->executing = true;
    json_decref(run->new_ids);
    run->new_ids = json_array();
    if (run->new_ids == NULL)
        luaL_error(L, "no memory for an effect");
}

static int l_answered(lua_State *L, int status, lua_KContext context);

/* Calls the functions of the steps from run->step on, each with the call and what load gave (nil to load itself). A
 * function that waits for the host suspends all of this, and l_answered goes on when it has answered. May jump. */
static int lj_run_steps(lua_State *L, struct opp_adapter_call *run)
{
    while (run->step->take != NULL) {
        enum opp_tool_fn fn = run->step->fn;

        run->recording = run->step->records && run->call->input.tool->is_action;
        if (fn == OPP_FN_EXECUTE)
            lj_begin_execute(L, run);
        if (has_function(run, fn)) {
            opp_script_refill(run->lane->script);
            lua_rawgeti(L, LUA_REGISTRYINDEX, functions_of(run)[fn]);
            lua_pushvalue(L, CALL_INDEX);
            lua_pushvalue(L, LOADED_INDEX);
            lua_callk(L, 2, 1, 0, l_answered);
        } else {
            lua_pushnil(L);
        }
        if (!lj_take(L, run))
            return 0;
    }
    return lua_gettop(L) - LOADED_INDEX;
}

static int l_answered(lua_State *L, int status, lua_KContext context)
{
    struct opp_adapter_call *run = lua_touserdata(L, 1);

    (void)status;
    (void)context;
    return lj_take(L, run) ? lj_run_steps(L, run) : 0;
}

/* May jump. */
static int lj_begin(lua_State *L, const struct opp_phase_step *steps)
{
    struct opp_adapter_call *run = lua_touserdata(L, 1);

    luaL_checkstack(L, 20, NULL);
    lj_call_object_push(L, run);
    if (run->loaded != LUA_NOREF)
        lua_rawgeti(L, LUA_REGISTRYINDEX, run->loaded);
    else
        lua_pushnil(L);
    run->step = steps;
    return lj_run_steps(L, run);
}

int l_phase_load(lua_State *L)
{
    return lj_begin(L, load_steps);
}

int l_phase_inspect(lua_State *L)
{
    return lj_begin(L, inspect_steps);
}

int l_phase_read(lua_State *L)
{
    return lj_begin(L, read_steps);
}
