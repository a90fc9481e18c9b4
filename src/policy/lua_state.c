/* SPDX-License-Identifier: MIT */
#include "policy/lua_state.h"

#include "policy/answer.h"
#include "policy/lua_match.h"
#include "policy/lua_require.h"
#include "policy/lua_window.h"
#include "policy/schedule.h"
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

/* Its address is the registry's key of the state. */
static const char lua_key;

struct opp_policy_lua *opp_policy_lua_of(lua_State *L)
{
    struct opp_policy_lua *lua;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &lua_key);
    lua = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return lua;
}

static int l_register(lua_State *L)
{
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lua_key);
    lj_answer_register(L);
    lj_window_register(L);
    lj_require_register(L);
    return 0;
}

static enum opp_code make_environment(struct opp_policy_lua *lua, struct opp_err *err)
{
    enum opp_code rc = opp_sandbox_open(lua->script, err);

    if (rc == OPP_OK)
        rc = opp_script_protect(lua->script, l_register, lua, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(lua->script, NULL, opp_answer_constructors, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(lua->script, NULL, opp_window_functions, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(lua->script, NULL, opp_match_functions, err);
    if (rc == OPP_OK)
        rc = opp_sandbox_add(lua->script, NULL, opp_require_functions, err);
    return rc == OPP_OK ? opp_sandbox_seal(lua->script, err) : rc;
}

enum opp_code opp_policy_lua_new(const struct opp_policy_sources *sources, struct opp_zones *zones,
                                 struct opp_policy_lua **out, struct opp_err *err)
{
    struct opp_policy_lua *lua = calloc(1, sizeof *lua);
    enum opp_code rc;

    if (lua == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a policy state");
    lua->sources = sources;
    lua->zones = zones;
    rc = opp_script_new(&OPP_SCRIPT_LIMITS_DEFAULT, &lua->script, err);
    if (rc == OPP_OK)
        rc = make_environment(lua, err);
    if (rc == OPP_OK)
        *out = lua;
    else
        opp_policy_lua_free(lua);
    return rc;
}

static void drop_schedules(struct opp_policy_lua *lua, size_t keep)
{
    while (lua->schedule_count > keep)
        opp_schedule_free(lua->schedules[--lua->schedule_count]);
}

void opp_policy_lua_free(struct opp_policy_lua *lua)
{
    if (lua == NULL)
        return;
    opp_script_free(lua->script);
    drop_schedules(lua, 0);
    free(lua->schedules);
    opp_rules_free(&lua->rules);
    free(lua);
}

static void set_profile(struct opp_policy_lua *lua, const char *file)
{
    size_t length = strcspn(file, "/");

    if (length >= sizeof lua->profile)
        length = sizeof lua->profile - 1;
    memcpy(lua->profile, file, length);
    lua->profile[length] = '\0';
}

enum opp_code opp_policy_lua_run(struct opp_policy_lua *lua, const struct opp_policy_file *file, struct opp_err *err)
{
    enum opp_code rc;

    set_profile(lua, file->name);
    opp_script_begin(lua->script);
    rc = opp_script_load(lua->script, file->bytes, file->length, file->name, err);
    return rc == OPP_OK ? opp_script_call(lua->script, 0, 1, err) : rc;
}

static int l_run_profile(lua_State *L)
{
    lj_require(L, "profile");
    return 1;
}

enum opp_code opp_policy_lua_run_profile(struct opp_policy_lua *lua, const char *profile, struct opp_err *err)
{
    set_profile(lua, profile);
    opp_script_begin(lua->script);
    return opp_script_protect(lua->script, l_run_profile, NULL, err);
}

void opp_policy_lua_begin(struct opp_policy_lua *lua, const struct opp_policy_request *request)
{
    opp_script_begin(lua->script);
    lua->call++;
    lua->request = request;
    lua->profile[0] = '\0';
}

void opp_policy_lua_end(struct opp_policy_lua *lua)
{
    lua_settop(opp_script_lua(lua->script), 0);
    drop_schedules(lua, lua->schedules_kept);
    lua->request = NULL;
}
