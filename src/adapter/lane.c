/* SPDX-License-Identifier: MIT */
#include "adapter/lane.h"

#include "adapter/lua_call.h"
#include "adapter/lua_host.h"
#include "adapter/lua_require.h"
#include "adapter/marker.h"
#include "script/freeze.h"
#include "script/sandbox.h"
#include "script/thread.h"
#include "store/db.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#define OPP_ADAPTER_LIMITS                                             \
    ((struct opp_script_limits){ .instructions = 1000000,              \
                                 .cpu_ms = 1000,                       \
                                 .live_bytes = (size_t)64 << 20,       \
                                 .allocation_bytes = (size_t)16 << 20, \
                                 .call_bytes = (size_t)512 << 20,      \
                                 .pattern_steps = 2000000 })

/* Its address is the registry's key of the lane. */
static const char lane_key;

const char *opp_tool_fn_name(enum opp_tool_fn fn)
{
    static const char *const names[OPP_FN_COUNT] = {
        "load", "resources", "check", "impact", "state", "execute", "read"
    };

    return names[fn];
}

struct opp_lane *opp_lane_of(lua_State *L)
{
    struct opp_lane *lane;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &lane_key);
    lane = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return lane;
}

struct opp_adapter_call *lj_lane_call(lua_State *L)
{
    struct opp_lane *lane = opp_lane_of(L);

    if (!lane->active)
        luaL_error(L, "there is no call to do this for");
    return &lane->run;
}

static int l_set_lane(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &lane_key);
    return 0;
}

static enum opp_code make_environment(struct opp_lane *lane, struct opp_err *err)
{
    enum opp_code rc = opp_sandbox_open(lane->script, err);

    if (rc == OPP_OK)
        rc = opp_script_protect(lane->script, l_set_lane, lane, err);
    if (rc == OPP_OK)
        rc = opp_host_install(lane->script, err);
    if (rc == OPP_OK)
        rc = opp_markers_install(lane->script, err);
    if (rc == OPP_OK)
        rc = opp_call_object_install(lane->script, err);
    if (rc == OPP_OK)
        rc = opp_require_install(lane->script, err);
    return rc == OPP_OK ? opp_sandbox_seal(lane->script, err) : rc;
}

/* References the functions of the tool on top. May jump. */
static void lj_collect_functions(lua_State *L, int (*functions)[OPP_FN_COUNT])
{
    for (int fn = 0; fn < OPP_FN_COUNT; fn++) {
        if (lua_getfield(L, -1, opp_tool_fn_name((enum opp_tool_fn)fn)) == LUA_TFUNCTION) {
            (*functions)[fn] = luaL_ref(L, LUA_REGISTRYINDEX);
        } else {
            (*functions)[fn] = LUA_NOREF;
            lua_pop(L, 1);
        }
    }
}

/* Arguments: the lane. What is no table is left to the reader of facts to name. */
static int l_collect(lua_State *L)
{
    struct opp_lane *lane = lua_touserdata(L, 1);
    lua_Integer count;

    lua_rawgeti(L, LUA_REGISTRYINDEX, lane->definition);
    if (!lua_istable(L, -1) || lua_getfield(L, -1, "tools") != LUA_TTABLE)
        return 0;
    count = luaL_len(L, -1);
    if (count <= 0 || count > 1000)
        return 0;
    lane->functions = calloc((size_t)count, sizeof *lane->functions);
    if (lane->functions == NULL)
        return luaL_error(L, "no memory for the tools");
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_geti(L, -1, i) == LUA_TTABLE)
            lj_collect_functions(L, &lane->functions[i - 1]);
        lua_pop(L, 1);
        lane->tool_count = (size_t)i;
    }
    return 0;
}

/* Makes the definition read-only, so that no call leaves anything in it for the next. */
static enum opp_code freeze(struct opp_lane *lane, struct opp_err *err)
{
    enum opp_code rc;
    int snapshot;

    opp_script_push(lane->script, lane->definition);
    rc = opp_script_freeze(lane->script, -1, &snapshot, err);
    lua_settop(opp_script_lua(lane->script), 0);
    if (rc == OPP_OK)
        opp_script_unref(lane->script, snapshot);
    return rc;
}

static enum opp_code run_init(struct opp_lane *lane, struct opp_err *err)
{
    enum opp_code rc = opp_require_init(lane->script, lane->adapter, err);

    if (rc == OPP_OK)
        rc = opp_script_ref(lane->script, &lane->definition, err);
    if (rc == OPP_OK)
        rc = opp_script_protect(lane->script, l_collect, lane, err);
    lua_settop(opp_script_lua(lane->script), 0);
    return rc == OPP_OK ? freeze(lane, err) : rc;
}

enum opp_code opp_lane_open(const struct opp_adapter *adapter, struct opp_log *log, struct opp_lane **out,
                            struct opp_err *err)
{
    struct opp_lane *lane = calloc(1, sizeof *lane);
    struct opp_err why = { 0 };
    enum opp_code rc;

    if (lane == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter's state");
    lane->adapter = adapter;
    lane->log = log;
    lane->loading = true;
    rc = opp_script_new(&OPP_ADAPTER_LIMITS, &lane->script, &why);
    if (rc == OPP_OK)
        rc = make_environment(lane, &why);
    if (rc == OPP_OK)
        rc = run_init(lane, &why);
    lane->loading = false;
    if (rc == OPP_OK) {
        *out = lane;
        return OPP_OK;
    }
    opp_lane_close(lane);
    return opp_fail_at(err, rc == OPP_E_MEMORY ? rc : OPP_E_CONFIG, why.where, "the adapter %s does not load: %s",
                       adapter->name, why.message);
}

enum opp_code opp_lane_connect(struct opp_lane *lane, struct opp_err *err)
{
    size_t count = lane->adapter->database_count;
    enum opp_code rc = OPP_OK;

    if (count == 0)
        return OPP_OK;
    lane->databases = calloc(count, sizeof *lane->databases);
    if (lane->databases == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for an adapter's connections");
    for (size_t i = 0; i < count && rc == OPP_OK; i++)
        rc = opp_db_open(lane->adapter->databases[i]->path, OPP_DB_READER, &lane->databases[i].reader, err);
    return rc;
}

static int l_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

enum opp_code opp_lane_make_thread(struct opp_lane *lane, struct opp_err *err)
{
    lua_State *L = opp_script_lua(lane->script);
    enum opp_code rc;

    if (lane->thread != NULL)
        return OPP_OK;
    lua_pushcfunction(L, l_nothing);
    rc = opp_script_thread(lane->script, &lane->thread, &lane->thread_ref, err);
    if (rc == OPP_OK)
        lua_settop(lane->thread, 0);
    return rc;
}

void opp_lane_drop_thread(struct opp_lane *lane)
{
    if (lane->thread != NULL)
        opp_script_unref(lane->script, lane->thread_ref);
    lane->thread = NULL;
}

void opp_lane_begin_call(struct opp_lane *lane, struct opp_tool_call *call)
{
    lane->run = (struct opp_adapter_call){ .call = call, .lane = lane, .serial = ++lane->calls, .loaded = LUA_NOREF };
    lane->active = true;
}

void opp_lane_end_call(struct opp_lane *lane)
{
    struct opp_adapter_call *run = &lane->run;

    opp_lane_end_reads(lane);
    opp_script_unref(lane->script, run->loaded);
    opp_recording_free(&run->queries);
    opp_rows_free(run->fresh);
    opp_fetch_clear(&run->fetch);
    json_decref(run->effect);
    json_decref(run->new_ids);
    lane->active = false;
}

void opp_lane_close(struct opp_lane *lane)
{
    if (lane == NULL)
        return;
    opp_script_free(lane->script);
    for (size_t i = 0; lane->databases != NULL && i < lane->adapter->database_count; i++)
        opp_db_close(lane->databases[i].reader);
    free(lane->databases);
    free(lane->functions);
    free(lane);
}
