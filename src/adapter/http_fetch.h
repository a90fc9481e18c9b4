/* SPDX-License-Identifier: MIT
 *
 * adapter/http_fetch.h - call.http: an upstream is read while the tool's function waits.
 * May include: script, base, adapter.
 */
#ifndef OPP_ADAPTER_HTTP_FETCH_H
#define OPP_ADAPTER_HTTP_FETCH_H

#include "adapter/upstream.h"

#include <jansson.h>
#include <stdbool.h>

struct lua_State;
struct opp_adapter_upstream;

/* One request that a tool reads by. */
struct opp_fetch {
    const struct opp_adapter_upstream *from;
    json_t *asked, *body; /* what Lua asked for; what was answered */
    struct opp_buf path, query;
    struct opp_upstream_request request;
    bool wanted; /* Lua waits for it */
};

/* For a call's object: http{upstream, method, path, query} makes lane->run.fetch and suspends the thread; when it goes
 * on, it takes what the request ended with. */
int l_call_http(struct lua_State *L);

/* Cancels it if it is under way, and frees it. */
void opp_fetch_clear(struct opp_fetch *fetch);

#endif
