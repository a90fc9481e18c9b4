/* SPDX-License-Identifier: MIT */
#include "api/endpoint.h"

#include "adapter/tool.h"
#include "api/api.h"
#include "base/shared.h"
#include "base/token.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "http/request.h"
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call and the request that it answers. */
struct bound {
    struct opp_call call; /* first */
    struct opp_request *request;
    void (*gone)(struct opp_call *call, void *arg);
    void *gone_arg;
    bool streams; /* the answer is a stream; request NULL: it was closed from outside */
};

static struct bound *of(const struct opp_call *call)
{
    return call->binding;
}

static const char *param(const struct opp_call *call, const char *name)
{
    return opp_request_param(of(call)->request, name);
}

static void on_request_gone(void *arg)
{
    struct bound *bound = arg;

    if (bound->gone != NULL)
        bound->gone(&bound->call, bound->gone_arg);
}

/* The request is freed after its stream was closed; the call ends by itself. */
static void on_stream_closed(void *arg)
{
    struct bound *bound = arg;

    bound->request = NULL;
    on_request_gone(bound);
}

static void begin_stream(struct opp_call *call, const char *content_type)
{
    of(call)->streams = true;
    opp_request_stream_begin(of(call)->request, content_type, on_stream_closed, of(call));
}

static void write_stream(struct opp_call *call, const void *bytes, size_t length)
{
    if (of(call)->request != NULL)
        opp_request_stream_write(of(call)->request, bytes, length);
}

static size_t stream_backlog(const struct opp_call *call)
{
    return of(call)->request != NULL ? opp_request_stream_backlog(of(call)->request) : 0;
}

static const struct opp_call_stream STREAM = { begin_stream, write_stream, stream_backlog };

static void on_gone(struct opp_call *call, void (*fn)(struct opp_call *call, void *arg), void *arg)
{
    struct bound *bound = of(call);

    bound->gone = fn;
    bound->gone_arg = arg;
    if (!bound->streams)
        opp_request_on_gone(bound->request, fn != NULL ? on_request_gone : NULL, bound);
}

static void set_number(struct opp_request *request, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    opp_request_set(request, name, text);
}

static void set_limit(struct opp_request *request, const struct opp_limit *limit)
{
    char policy[OPP_LIMIT_TEXT_MAX], now[OPP_LIMIT_TEXT_MAX];

    opp_limit_format(limit, policy, now);
    opp_request_set(request, "RateLimit-Policy", policy);
    opp_request_set(request, "RateLimit", now);
}

static void set_headers(struct opp_request *request, const struct opp_reply *reply)
{
    if (reply->retry_after_s > 0)
        set_number(request, "Retry-After", reply->retry_after_s);
    if (reply->limit.name != NULL)
        set_limit(request, &reply->limit);
    if (reply->set_cookie != NULL)
        opp_request_set(request, "Set-Cookie", reply->set_cookie);
    if (reply->replayed)
        opp_request_set(request, "Idempotent-Replayed", "true");
    if (reply->etag != NULL) {
        opp_request_set(request, "ETag", reply->etag);
        opp_request_set(request, "Cache-Control", "private, no-cache");
        opp_request_set(request, "Vary", "Authorization");
    }
}

static void send_reply(struct opp_request *request, struct opp_reply *reply)
{
    if (reply->code != OPP_OK)
        opp_request_refuse(request, reply->code, reply->message, reply->details);
    else if (reply->not_modified)
        opp_request_not_modified(request);
    else if (reply->content_type != NULL)
        opp_request_answer_text(request, reply->content_type, &reply->bytes);
    else if (reply->shared != NULL)
        opp_request_answer_shared(request, reply->shared);
    else if (reply->data != NULL)
        opp_request_answer(request, reply->data);
    else
        opp_request_answer_bytes(request, &reply->bytes);
    opp_shared_unref(reply->shared);
}

static void answer(struct opp_call *call, struct opp_reply *reply)
{
    struct bound *bound = of(call);

    if (!reply->stream_ended) {
        set_headers(bound->request, reply);
        send_reply(bound->request, reply);
    } else if (bound->request != NULL) {
        opp_request_stream_end(bound->request);
    }
    free(bound);
}

/* Takes the body or the query as the call's input, or refuses. */
static enum opp_step read_input(struct bound *bound)
{
    struct opp_call *call = &bound->call;
    const char *method = opp_request_method(bound->request);
    bool query = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "DELETE") == 0;
    json_t *issues = NULL;
    struct opp_err err = { 0 };
    enum opp_code rc = query ? opp_request_query(bound->request, &call->input, &issues, &err)
                             : opp_request_json(bound->request, &call->input, &issues, &err);

    if (rc == OPP_OK && call->input == NULL)
        call->input = json_object();
    if (rc == OPP_OK)
        return OPP_NEXT;
    return opp_call_refuse(call, rc, err.message[0] != '\0' ? err.message : NULL,
                           issues != NULL ? json_pack("{s:o}", "issues", issues) : NULL);
}

static void fill(struct bound *bound, struct opp_request *request, const struct opp_endpoint *endpoint)
{
    struct opp_call *call = &bound->call;

    bound->request = request;
    call->binding = bound;
    call->worker = opp_request_worker(request);
    call->request_id = opp_request_id(request);
    call->client_request_id = opp_request_client_id(request);
    call->traceparent = opp_request_trace(request);
    call->ip = opp_request_peer(request);
    call->user_agent = opp_request_header(request, "User-Agent");
    call->idempotency_header = opp_request_header(request, "Idempotency-Key");
    call->last_event_id = opp_request_header(request, "Last-Event-ID");
    call->if_none_match = opp_request_header(request, "If-None-Match");
    call->read_path = endpoint->reads ? opp_request_path(request) : NULL;
    call->param = param;
    call->answer = answer;
    call->on_gone = on_gone;
    call->stream = &STREAM;
    call->audit.action = endpoint->flow->audit_action;
    call->audit.request_id = call->request_id;
    call->audit.client_request_id = call->client_request_id;
    call->audit.ip = call->ip;
    call->audit.user_agent = call->user_agent;
}

static enum opp_step admit(struct bound *bound, const struct opp_endpoint *endpoint)
{
    struct opp_request *request = bound->request;
    struct opp_call *call = &bound->call;
    struct opp_credentials shown = { .authorization = opp_request_header(request, "Authorization") };

    switch (endpoint->caller) {
    case OPP_CALLER_AGENT:
        return opp_guard_agent(call, shown.authorization);
    case OPP_CALLER_PERSON:
        shown.cookie = opp_request_header(request, "Cookie");
        shown.csrf_token = opp_request_header(request, "X-CSRF-Token");
        shown.origin = opp_request_header(request, "Origin");
        shown.host = opp_request_header(request, "Host");
        shown.changes = strcmp(endpoint->method, "GET") != 0;
        shown.secure = opp_request_is_secure(request);
        return opp_guard_admin(call, &shown, endpoint->roles);
    case OPP_CALLER_ANYBODY:
        break;
    }
    return OPP_NEXT;
}

static void handle(struct opp_request *request)
{
    const struct opp_endpoint *endpoint = opp_request_route(request);
    struct bound *bound = calloc(1, sizeof *bound);
    enum opp_step step;

    if (bound == NULL) {
        opp_request_refuse(request, OPP_E_MEMORY, NULL, NULL);
        return;
    }
    fill(bound, request, endpoint);
    step = admit(bound, endpoint);
    if (step == OPP_NEXT && read_input(bound) == OPP_NEXT)
        opp_flow_start(&bound->call, endpoint->flow);
}

enum opp_code opp_api_admit(void *worker, const struct opp_http_offer *offer, struct opp_limited *limited)
{
    const struct opp_endpoint *endpoint = offer->route;
    bool agent = endpoint->caller == OPP_CALLER_AGENT;
    struct opp_credentials shown = { .authorization = offer->authorization, .cookie = agent ? NULL : offer->cookie };

    return opp_guard_glance(worker, &shown, agent ? OPP_TOKEN_AGENT : OPP_TOKEN_ADMIN, offer->peer, limited);
}

static bool takes_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static struct opp_route route_of(const struct opp_endpoint *endpoint)
{
    return (struct opp_route){ .method = endpoint->method,
                               .path = endpoint->path,
                               .flags = takes_body(endpoint->method) ? OPP_ROUTE_BODY : 0,
                               .handle = handle,
                               .arg = endpoint };
}

enum opp_code opp_endpoints_add(struct opp_router *router, const struct opp_endpoint *endpoints, size_t count,
                                struct opp_err *err)
{
    enum opp_code rc = OPP_OK;

    for (size_t i = 0; rc == OPP_OK && i < count; i++) {
        struct opp_route route = route_of(&endpoints[i]);

        rc = opp_router_add(router, &route, err);
    }
    return rc;
}

/* Whether the path is one now; the call looks again, in the generation that it pins. */
static bool is_read(void *arg, const char *path)
{
    const struct opp_worker *worker = arg;
    struct opp_generation *generation = opp_generation_pin(worker->gateway->policies);
    bool known = generation != NULL && opp_tool_find_read(opp_generation_adapters(generation), path) != NULL;

    opp_generation_unpin(generation);
    return known;
}

enum opp_code opp_endpoint_add_reads(struct opp_router *router, const struct opp_endpoint *endpoint,
                                     struct opp_err *err)
{
    struct opp_route route = route_of(endpoint);

    return opp_router_open(router, &route, is_read, err);
}
