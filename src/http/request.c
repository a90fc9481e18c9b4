/* SPDX-License-Identifier: MIT */
#include "http/state.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

static void link_in(struct opp_http *http, struct opp_request *request)
{
    request->next = http->first;
    request->link = &http->first;
    if (http->first != NULL)
        http->first->link = &request->next;
    http->first = request;
}

static void link_out(struct opp_request *request)
{
    if (request->http == NULL)
        return;
    *request->link = request->next;
    if (request->next != NULL)
        request->next->link = request->link;
    if (request->http->draining && request->http->first == NULL)
        event_active(request->http->chores, EV_TIMEOUT, 0);
}

void opp_request_end(struct opp_request *request)
{
    if (request->ev != NULL)
        evhttp_request_free(request->ev);
    link_out(request);
    free(request);
}

/* The answer is the kernel's now; evhttp frees its own part, and may use the connection for another request. */
static void on_complete(struct evhttp_request *ev, void *arg)
{
    struct opp_request *request = arg;

    (void)ev;
    opp_guard_answered(request->connection);
    request->ev = NULL;
    opp_request_end(request);
}

/* evhttp frees the connection. A request that was not answered it leaves to us, and says so by taking the connection
 * from it; but not when the whole server is freed. */
void opp_request_closed(struct opp_request *request)
{
    void (*on_gone)(void *) = request->on_gone;

    request->connection = NULL;
    if (evhttp_request_get_connection(request->ev) != NULL) {
        request->ev = NULL;
        request->client_id = NULL;
    }
    if (request->state == OPP_REQUEST_SENDING) {
        opp_request_end(request);
    } else if (request->state == OPP_REQUEST_STREAMING) {
        opp_stream_closed(request);
    } else if (on_gone != NULL) {
        request->on_gone = NULL;
        on_gone(request->on_gone_arg);
    }
}

static enum opp_method method_of(struct evhttp_request *ev)
{
    switch (evhttp_request_get_command(ev)) {
    case EVHTTP_REQ_GET:
        return OPP_METHOD_GET;
    case EVHTTP_REQ_POST:
        return OPP_METHOD_POST;
    case EVHTTP_REQ_PUT:
        return OPP_METHOD_PUT;
    case EVHTTP_REQ_PATCH:
        return OPP_METHOD_PATCH;
    case EVHTTP_REQ_DELETE:
        return OPP_METHOD_DELETE;
    case EVHTTP_REQ_HEAD:
        return OPP_METHOD_HEAD;
    case EVHTTP_REQ_OPTIONS:
        return OPP_METHOD_OPTIONS;
    default:
        return OPP_METHOD_UNKNOWN;
    }
}

/* Lends the value of a field that stands there once; NULL otherwise. */
static const char *only_value(struct evhttp_request *ev, const char *name)
{
    const char *found = NULL;
    struct evkeyval *field;

    TAILQ_FOREACH(field, evhttp_request_get_input_headers(ev), next)
    {
        if (strcasecmp(field->key, name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = field->value;
    }
    return found;
}

struct opp_request *opp_request_begin(struct opp_http *http, struct evhttp_request *ev, const struct opp_target *target)
{
    struct opp_connection *connection = opp_guard_connection(http, evhttp_request_get_connection(ev));
    size_t length = target != NULL ? target->path_length : 0;
    /* Decoded parameters and their NULs are not longer than the path: each has a slash before it. */
    struct opp_request *request = malloc(sizeof *request + 2 * length + 2);

    if (request == NULL || connection == NULL) {
        free(request);
        return NULL;
    }
    *request = (struct opp_request){ .http = http, .ev = ev, .connection = connection };
    request->worker = http->context.worker;
    request->method = method_of(ev);
    request->path = request->text;
    request->query = target != NULL ? target->query : "";
    request->started_ns = opp_monotonic_ns();
    if (length != 0)
        memcpy(request->text, target->path, length);
    request->text[length] = '\0';
    opp_id_make(request->id, "req_", opp_clock_now_ms(http->context.clock));
    opp_trace_make(request->trace, only_value(ev, "traceparent"));
    opp_client_of_request(connection, ev, request->peer);
    link_in(http, request);
    evhttp_request_set_on_complete_cb(ev, on_complete, request);
    connection->request = request;
    return request;
}

struct bufferevent *opp_request_bufferevent(const struct opp_request *request)
{
    return request->connection->events;
}

/* evhttp does not read while a request is open, so it would not see the client go. Reading on is safe only without its
 * read callback, which ends the process when bytes come before the answer; sending the answer puts that back. */
void opp_request_wait(struct opp_request *request)
{
    struct bufferevent *events = opp_request_bufferevent(request);
    bufferevent_data_cb on_write;
    bufferevent_event_cb on_event;
    void *arg;

    request->waiting = true;
    bufferevent_getcb(events, NULL, &on_write, &on_event, &arg);
    bufferevent_setcb(events, NULL, on_write, on_event, arg);
    bufferevent_set_timeouts(events, NULL, NULL);
    if (!request->connection->refused)
        bufferevent_enable(events, EV_READ);
}

void opp_request_wake(struct opp_request *request)
{
    const struct timeval *idle = &request->http->idle;

    if (request->waiting)
        bufferevent_set_timeouts(opp_request_bufferevent(request), idle, idle);
    request->waiting = false;
}

const char *opp_request_id(const struct opp_request *request)
{
    return request->id;
}

const char *opp_request_client_id(const struct opp_request *request)
{
    return request->client_id;
}

const char *opp_request_trace(const struct opp_request *request)
{
    return request->trace;
}

const char *opp_request_method(const struct opp_request *request)
{
    return opp_method_name(request->method);
}

const char *opp_request_path(const struct opp_request *request)
{
    return request->path;
}

bool opp_request_is_secure(const struct opp_request *request)
{
    return request->http != NULL && request->http->context.tls != NULL;
}

const char *opp_request_peer(const struct opp_request *request)
{
    return request->peer;
}

const char *opp_request_header(const struct opp_request *request, const char *name)
{
    return request->ev != NULL ? evhttp_find_header(evhttp_request_get_input_headers(request->ev), name) : NULL;
}

const char *opp_request_param(const struct opp_request *request, const char *name)
{
    int number = request->route != NULL ? opp_route_param(request->route, name) : -1;

    return number >= 0 && (size_t)number < request->param_count ? request->params[number] : "";
}

void *opp_request_worker(const struct opp_request *request)
{
    return request->worker;
}

const void *opp_request_route(const struct opp_request *request)
{
    return request->route != NULL ? request->route->arg : NULL;
}

void opp_request_set(struct opp_request *request, const char *name, const char *value)
{
    if (request->ev == NULL)
        return;
    if (evhttp_add_header(evhttp_request_get_output_headers(request->ev), name, value) != 0)
        request->failed = true;
    if (strcasecmp(name, "Cache-Control") == 0)
        request->own_cache = true;
}

void opp_request_on_gone(struct opp_request *request, void (*fn)(void *arg), void *arg)
{
    request->on_gone = fn;
    request->on_gone_arg = arg;
}
