/* SPDX-License-Identifier: MIT */
#include "policy/lua_window.h"

#include "base/utf8.h"
#include "policy/lua_state.h"
#include "policy/schedule.h"
#include "script/json_lua.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#define WINDOW_COST 200 /* instructions that making one counts as */

/* Its address is the registry's key of the metatable. */
static const char window_key;

/* The payload of a window's userdata. Schedules belong to the state, which drops those of a call at its end. */
struct window {
    const struct opp_schedule *schedule;
    uint64_t call;
};

void lj_window_register(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &window_key);
}

const struct opp_schedule *opp_window_of(lua_State *L, int index)
{
    const struct window *window;
    bool is;

    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &window_key);
    is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    window = is ? lua_touserdata(L, index) : NULL;
    if (window == NULL || (window->call != 0 && window->call != opp_policy_lua_of(L)->call))
        return NULL;
    return window->schedule;
}

/* Takes the schedule, also on failure. */
static enum opp_code keep(struct opp_policy_lua *lua, struct opp_schedule *schedule, struct opp_err *err)
{
    struct opp_schedule **grown = realloc(lua->schedules, (lua->schedule_count + 1) * sizeof(struct opp_schedule *));

    if (grown == NULL) {
        opp_schedule_free(schedule);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a window");
    }
    lua->schedules = grown;
    grown[lua->schedule_count++] = schedule;
    return OPP_OK;
}

/* Takes the description; NULL: memory is out. Never raises, as it holds it. */
static enum opp_code make(struct opp_policy_lua *lua, json_t *description, struct opp_schedule **out,
                          struct opp_err *err)
{
    bool loading = lua->call == 0;
    size_t made = lua->schedule_count - (loading ? 0 : lua->schedules_kept);
    enum opp_code rc;

    if (description == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a window");
    if (made >= (loading ? OPP_POLICY_WINDOWS_LOADED_MAX : OPP_POLICY_WINDOWS_CALL_MAX))
        rc = opp_fail(err, OPP_E_LIMIT, "too many windows are made; make them once, outside of functions");
    else
        rc = opp_schedule_new(lua->zones, description, out, err);
    json_decref(description);
    return rc == OPP_OK ? keep(lua, *out, err) : rc;
}

/* The argument's description with its kind. Never raises. */
static enum opp_code describe(lua_State *L, const char *kind, json_t **out, struct opp_err *err)
{
    json_t *given = NULL;
    enum opp_code rc = opp_script_to_json(L, 1, &given, err);

    if (rc != OPP_OK)
        return rc;
    if (!json_is_object(given) || json_object_get(given, "kind") != NULL) {
        json_decref(given);
        return opp_fail(err, OPP_E_SCRIPT, "it takes a table of named fields");
    }
    *out = json_copy(given); /* what is given may be the host's own */
    json_decref(given);
    if (json_object_set_new(*out, "kind", json_string(kind)) == 0)
        return OPP_OK;
    json_decref(*out);
    return opp_fail(err, OPP_E_MEMORY, "no memory for a window");
}

/* Pushes the window that came of it, or raises what went wrong. May jump. */
static int lj_finish(lua_State *L, const char *kind, enum opp_code rc, const struct opp_schedule *schedule,
                     const struct opp_err *err)
{
    struct opp_policy_lua *lua = opp_policy_lua_of(L);
    struct window *window;

    if (rc != OPP_OK)
        return luaL_error(L, "%s: %s%s%s", kind, err->message, err->where[0] != '\0' ? " at " : "", err->where);
    window = lua_newuserdatauv(L, sizeof *window, 0);
    *window = (struct window){ .schedule = schedule, .call = lua->call };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &window_key);
    lua_setmetatable(L, -2);
    return 1;
}

static int lj_described(lua_State *L, const char *kind)
{
    struct opp_schedule *schedule = NULL;
    struct opp_err err = { 0 };
    json_t *description = NULL;
    enum opp_code rc;

    if (lua_gettop(L) != 1)
        return luaL_error(L, "%s takes one table", kind);
    lj_script_charge(L, WINDOW_COST);
    rc = describe(L, kind, &description, &err);
    if (rc == OPP_OK)
        rc = make(opp_policy_lua_of(L), description, &schedule, &err);
    return lj_finish(L, kind, rc, schedule, &err);
}

static int l_policy_daily(lua_State *L)
{
    return lj_described(L, "daily");
}

static int l_policy_weekly(lua_State *L)
{
    return lj_described(L, "weekly");
}

static int l_policy_between(lua_State *L)
{
    return lj_described(L, "between");
}

static int l_policy_always(lua_State *L)
{
    struct opp_schedule *schedule = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc;

    if (lua_gettop(L) != 0)
        return luaL_error(L, "always takes nothing");
    lj_script_charge(L, WINDOW_COST);
    rc = make(opp_policy_lua_of(L), json_pack("{s:s}", "kind", "always"), &schedule, &err);
    return lj_finish(L, "always", rc, schedule, &err);
}

static int l_policy_never(lua_State *L)
{
    struct opp_schedule *schedule = NULL;
    struct opp_err err = { 0 };
    const char *reason;
    enum opp_code rc;
    size_t length;

    luaL_checktype(L, 1, LUA_TSTRING);
    reason = lua_tolstring(L, 1, &length);
    luaL_argcheck(L, lua_gettop(L) == 1 && opp_utf8_valid(reason, length), 1, "one reason is wanted, UTF-8 text");
    lj_script_charge(L, WINDOW_COST);
    rc = make(opp_policy_lua_of(L), json_pack("{s:s, s:s}", "kind", "never", "reason", reason), &schedule, &err);
    return lj_finish(L, "never", rc, schedule, &err);
}

static int64_t lj_epoch(lua_State *L, int argument)
{
    lua_Number number = luaL_checknumber(L, argument);

    luaL_argcheck(L, number > -1e12 && number < 1e12, argument, "it is no time in seconds since 1970");
    return (int64_t)(number < 0 && number != (lua_Number)(int64_t)number ? number - 1 : number);
}

static int l_policy_within(lua_State *L)
{
    const struct opp_schedule *schedule = opp_window_of(L, 1);

    luaL_argcheck(L, schedule != NULL, 1, "it is no window");
    luaL_checktype(L, 2, LUA_TNUMBER);
    lua_pushboolean(L, opp_schedule_open(schedule, lj_epoch(L, 2)));
    return 1;
}

static void lj_field(lua_State *L, const char *name, int value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static int l_policy_now_in(lua_State *L)
{
    const struct opp_policy_lua *lua = opp_policy_lua_of(L);
    const struct opp_zone *zone = NULL;
    struct opp_err err = { 0 };
    struct opp_local local;

    luaL_checktype(L, 1, LUA_TSTRING);
    if (lua->request == NULL)
        return luaL_error(L, "there is a time only where there is a request");
    lj_script_charge(L, WINDOW_COST);
    if (opp_zones_get(lua->zones, lua_tostring(L, 1), &zone, &err) != OPP_OK)
        return luaL_error(L, "now_in: %s", err.message);
    opp_zone_local(zone, lua->request->now_s, &local);
    lua_createtable(L, 0, 7);
    lj_field(L, "year", local.year);
    lj_field(L, "month", local.month);
    lj_field(L, "day", local.day);
    lj_field(L, "hour", local.hour);
    lj_field(L, "minute", local.minute);
    lj_field(L, "second", local.second);
    lua_pushstring(L, opp_weekday_name(local.weekday));
    lua_setfield(L, -2, "weekday");
    return 1;
}

const struct opp_script_function opp_window_functions[] = {
    { "always", l_policy_always },   { "never", l_policy_never },
    { "daily", l_policy_daily },     { "weekly", l_policy_weekly },
    { "between", l_policy_between }, { "within", l_policy_within },
    { "now_in", l_policy_now_in },   { NULL, NULL }
};
