/* SPDX-License-Identifier: MIT */
#include "http/state.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

void opp_request_stream_begin(struct opp_request *request, const char *content_type, void (*on_close)(void *arg),
                              void *arg)
{
    struct opp_http *http = request->http;

    request->state = OPP_REQUEST_STREAMING;
    opp_request_on_gone(request, on_close, arg);
    if (request->connection == NULL) {
        request->failed = true;
        if (http != NULL)
            event_active(http->chores, EV_TIMEOUT, 0);
        return;
    }
    request->close = true;
    request->waiting = false;
    if (!opp_guard_stream(request->connection) || !opp_head_add(request, content_type) ||
        request->method == OPP_METHOD_HEAD || http->draining)
        request->failed = true;
    evhttp_send_reply_start(request->ev, 200, opp_status_phrase(200));
    /* The client has nothing to say while it listens; but it has to take what it is sent. */
    bufferevent_set_timeouts(opp_request_bufferevent(request), NULL, &http->idle);
    if (request->failed)
        event_active(http->chores, EV_TIMEOUT, 0);
    opp_count_request(request, OPP_OK, opp_monotonic_ns() - request->started_ns);
}

void opp_request_stream_write(struct opp_request *request, const void *bytes, size_t length)
{
    struct opp_http *http = request->http;

    if (request->connection == NULL || request->state != OPP_REQUEST_STREAMING || request->failed)
        return;
    if (evbuffer_add(http->chunk, bytes, length) == 0) {
        evhttp_send_reply_chunk(request->ev, http->chunk);
        return;
    }
    request->failed = true;
    event_active(http->chores, EV_TIMEOUT, 0);
}

size_t opp_request_stream_backlog(const struct opp_request *request)
{
    if (request->connection == NULL)
        return 0;
    return evbuffer_get_length(bufferevent_get_output(opp_request_bufferevent(request)));
}

/* The last chunk; from here on the request belongs to evhttp's callbacks, and may be freed at once. */
static void finish(struct opp_request *request)
{
    request->state = OPP_REQUEST_SENDING;
    if (request->connection == NULL)
        opp_request_end(request);
    else
        evhttp_send_reply_end(request->ev);
}

void opp_request_stream_end(struct opp_request *request)
{
    if (request->state == OPP_REQUEST_STREAMING)
        finish(request);
}

/* on_close may call stream functions, which then do nothing. */
static void tell_closed(struct opp_request *request)
{
    request->state = OPP_REQUEST_SENDING;
    if (request->on_gone != NULL)
        request->on_gone(request->on_gone_arg);
}

void opp_stream_closed(struct opp_request *request)
{
    tell_closed(request);
    opp_request_end(request);
}

static struct opp_request *next_to_end(struct opp_http *http)
{
    struct opp_request *request = http->first;

    while (request != NULL && (request->state != OPP_REQUEST_STREAMING || (!request->failed && !http->draining)))
        request = request->next;
    return request;
}

/* Starts over after each, because on_close may end others too. */
void opp_streams_sweep(struct opp_http *http)
{
    struct opp_request *request;

    while ((request = next_to_end(http)) != NULL) {
        tell_closed(request);
        finish(request);
    }
}
