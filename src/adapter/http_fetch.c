/* SPDX-License-Identifier: MIT */
#include "adapter/http_fetch.h"

#include "adapter/effect.h"
#include "adapter/http_target.h"
#include "adapter/lane.h"
#include "adapter/marker.h"
#include "base/json.h"
#include "base/text.h"
#include "script/json_lua.h"
#include "script/values.h"
#include "script/view.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

void opp_fetch_clear(struct opp_fetch *fetch)
{
    opp_upstream_close(&fetch->request);
    json_decref(fetch->asked);
    json_decref(fetch->body);
    opp_buf_free(&fetch->path);
    opp_buf_free(&fetch->query);
    *fetch = (struct opp_fetch){ 0 };
}

/* Converts the argument, and looks that it has only what a read has. May jump. */
static void lj_take_argument(lua_State *L, struct opp_fetch *fetch)
{
    static const char *const known[] = { "upstream", "method", "path", "query", NULL };
    struct opp_err err = { 0 };
    const char *name;
    json_t *value;

    lj_value_check(L, 1);
    if (opp_script_to_json(L, 1, &fetch->asked, &err) != OPP_OK)
        luaL_error(L, "http: %s%s%s", err.where, err.where[0] != '\0' ? ": " : "", err.message);
    json_object_foreach(fetch->asked, name, value)
    {
        if (!opp_text_is_one_of(name, known))
            luaL_error(L, "http: there is no field '%s'", name);
    }
}

/* May jump. */
static void lj_prepare(lua_State *L, struct opp_adapter_call *run)
{
    struct opp_fetch *fetch = &run->fetch;
    const char *method = opp_json_text(fetch->asked, "method");
    struct opp_err err = { 0 };

    fetch->from = opp_adapter_upstream_find(run->lane->adapter, opp_json_text(fetch->asked, "upstream"));
    if (fetch->from == NULL || fetch->from->upstream == NULL)
        luaL_error(L, "http: it names an upstream of its adapter");
    if (json_object_get(fetch->asked, "method") == NULL)
        method = "GET";
    if (method == NULL || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
        luaL_error(L, "http: outside an effect the method is GET or HEAD");
    if (opp_http_path(json_object_get(fetch->asked, "path"), &fetch->path, &err) != OPP_OK ||
        opp_http_query(json_object_get(fetch->asked, "query"), &fetch->query, &err) != OPP_OK)
        luaL_error(L, "http: %s", err.message);
    fetch->request = (struct opp_upstream_request){ .upstream = fetch->from->upstream,
                                                    .method = method,
                                                    .path = fetch->path.bytes,
                                                    .traceparent = lj_lane_call(L)->call->input.traceparent,
                                                    .query = fetch->query.length > 1 ? fetch->query.bytes : NULL };
}

/* The system cannot be reached: that is no defect of the adapter, which may catch it and do without. May jump, always.
 */
static int lj_raise_unavailable(lua_State *L, const struct opp_adapter_call *run)
{
    const struct opp_fetch *fetch = &run->fetch;

    opp_log_event(run->lane->log, OPP_LOG_WARN, "upstream.no_answer", "adapter", run->lane->adapter->name, "upstream",
                  fetch->from->name, "tool", run->call->input.tool->name, "reason", fetch->request.err.message, NULL);
    lj_marker_push_unavailable(L, OPP_UPSTREAM_RETRY_S);
    return lua_error(L);
}

/* Pushes {status, body, etag}; what is no JSON has no body. May jump. */
static void lj_push_answer(lua_State *L, struct opp_fetch *fetch)
{
    const struct opp_upstream_request *request = &fetch->request;

    lua_createtable(L, 0, 3);
    lua_pushinteger(L, request->status);
    lua_setfield(L, -2, "status");
    if (request->answer.length > 0 &&
        opp_json_parse(request->answer.bytes, request->answer.length, &fetch->body, NULL) == OPP_OK) {
        lj_script_charge(L, request->answer.length / 16);
        lj_view_json(L, fetch->body, NULL);
        lua_setfield(L, -2, "body");
    }
    if (fetch->from->strong && request->etag != NULL) {
        lua_pushstring(L, request->etag);
        lua_setfield(L, -2, "etag");
    }
}

static int l_answered(lua_State *L, int status, lua_KContext context)
{
    struct opp_adapter_call *run = lj_lane_call(L);

    (void)status;
    (void)context;
    if (run->fetch.request.outcome != OPP_UPSTREAM_ANSWERED)
        return lj_raise_unavailable(L, run);
    lj_push_answer(L, &run->fetch);
    opp_fetch_clear(&run->fetch);
    return 1;
}

int l_call_http(lua_State *L)
{
    struct opp_adapter_call *run = lj_lane_call(L);

    lua_settop(L, 1);
    if (run->executing)
        return luaL_error(L, "http: an effect is made of what was read before; execute asks no upstream");
    if (run->call->upstreams == NULL)
        return luaL_error(L, "http: no upstream can be asked here");
    if (!lua_isyieldable(L))
        return luaL_error(L, "http: not inside a function that is called by the host, such as one that sorts");
    if (run->host_calls++ >= OPP_HOST_CALLS_MAX)
        return luaL_error(L, "a call may ask the host at most %d times", OPP_HOST_CALLS_MAX);
    opp_fetch_clear(&run->fetch);
    lj_take_argument(L, &run->fetch);
    lj_prepare(L, run);
    run->fetch.wanted = true;
    return lua_yieldk(L, 0, 0, l_answered);
}
