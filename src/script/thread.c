/* SPDX-License-Identifier: MIT */
#include "script/thread.h"

#include "script/kernel.h"

#include <lauxlib.h>
#include <lua.h>

/* Gives the new thread the function, the thread's reference in the registry as a result. */
static int l_thread(lua_State *L)
{
    lua_State **out = lua_touserdata(L, 2);

    *out = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, *out, 1);
    lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
    return 1;
}

enum opp_code opp_script_thread(struct opp_script *script, lua_State **out, int *ref, struct opp_err *err)
{
    lua_State *L = script->lua;
    lua_State *thread = NULL;
    enum opp_code rc;

    lua_pushcfunction(L, l_thread);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, &thread);
    rc = opp_script_call(script, 2, 1, err);
    if (rc != OPP_OK)
        return rc;
    *ref = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    opp_budget_install(script, thread);
    *out = thread;
    return OPP_OK;
}

enum opp_code opp_script_resume(struct opp_script *script, lua_State *thread, int nargs, int *nresults, bool *yielded,
                                struct opp_err *err)
{
    lua_State *before = script->running;
    int count = 0;
    int status;

    if (script->tripped != NULL)
        return opp_script_judge(script, thread, LUA_OK, err);
    script->at.where[0] = script->at.short_where[0] = '\0';
    script->running = thread;
    opp_budget_install(script, thread);
    status = lua_resume(thread, NULL, nargs, &count);
    script->running = before;
    if (status != LUA_OK && status != LUA_YIELD && script->tripped == NULL)
        opp_script_note_position(script, thread); /* a failed thread keeps its frames */
    if (script->tripped == NULL && (status == LUA_OK || status == LUA_YIELD)) {
        *nresults = count;
        *yielded = status == LUA_YIELD;
    }
    return opp_script_judge(script, thread, status, err);
}
