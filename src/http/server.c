/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include "http/state.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <unistd.h>

/* evhttp answers a body above its own limit in words of its own and at once; one that is a little above ours comes to
 * us, and is refused like everything else. */
#define BODY_SPARE_BYTES 65536
/* All methods, also those that evhttp does not know: it would refuse them in HTML. */
#define ALL_METHODS 0xffff

static void do_chores(evutil_socket_t fd, short what, void *arg)
{
    struct opp_http *http = arg;
    void (*drained)(void *) = http->drained;

    (void)fd;
    (void)what;
    opp_streams_sweep(http);
    if (!http->draining || http->first != NULL || drained == NULL)
        return;
    http->drained = NULL;
    drained(http->drained_arg);
}

/* Each connection's bytes come through here before evhttp sees them. evhttp goes on reading while it answers, so what
 * may wait has an end; a whole request must fit, or it would never be parsed. */
static struct bufferevent *make_bufferevent(struct event_base *base, void *arg)
{
    const struct opp_http *http = arg;
    struct bufferevent *events = bufferevent_socket_new(base, -1, 0);

    if (events != NULL)
        bufferevent_setwatermark(events, EV_READ, 0, http->input_max_bytes);
    return events;
}

static void configure(struct opp_http *http, const struct opp_http_settings *settings)
{
    size_t body_bytes = settings->body_max_bytes + BODY_SPARE_BYTES;

    http->body_max_bytes = settings->body_max_bytes;
    http->input_max_bytes = body_bytes + settings->header_max_bytes;
    http->idle.tv_sec = settings->idle_timeout_ms / 1000;
    http->idle.tv_usec = settings->idle_timeout_ms % 1000 * 1000;
    evhttp_set_timeout_tv(http->evhttp, &http->idle);
    evhttp_set_max_headers_size(http->evhttp, (ev_ssize_t)settings->header_max_bytes);
    evhttp_set_max_body_size(http->evhttp, (ev_ssize_t)body_bytes);
    evhttp_set_allowed_methods(http->evhttp, ALL_METHODS);
    evhttp_set_default_content_type(http->evhttp, NULL);
    evhttp_set_bevcb(http->evhttp, make_bufferevent, http);
    evhttp_set_gencb(http->evhttp, opp_http_intake, http);
}

/* Takes fd. */
static bool listen_on(struct opp_http *http, int fd)
{
    struct event_base *base = opp_loop_base(http->context.loop);
    struct evconnlistener *listener =
        evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

    if (listener == NULL) {
        close(fd);
        return false;
    }
    http->listening = evhttp_bind_listener(http->evhttp, listener);
    if (http->listening == NULL)
        evconnlistener_free(listener);
    return http->listening != NULL;
}

enum opp_code opp_http_open(const struct opp_http_context *context, const struct opp_http_settings *settings, int fd,
                            struct opp_http **out, struct opp_err *err)
{
    struct event_base *base = opp_loop_base(context->loop);
    struct opp_http *http = calloc(1, sizeof *http);

    if (http == NULL)
        goto fail;
    http->context = *context;
    http->evhttp = evhttp_new(base);
    http->chores = event_new(base, -1, 0, do_chores, http);
    http->chunk = evbuffer_new();
    if (http->evhttp == NULL || http->chores == NULL || http->chunk == NULL)
        goto fail;
    configure(http, settings);
    if (!listen_on(http, fd)) {
        fd = -1;
        goto fail;
    }
    *out = http;
    return OPP_OK;
fail:
    if (fd >= 0)
        close(fd);
    opp_http_free(http);
    return opp_fail(err, OPP_E_MEMORY, "no memory for an HTTP server");
}

void opp_http_drain(struct opp_http *http, void (*done)(void *arg), void *arg)
{
    http->draining = true;
    http->drained = done;
    http->drained_arg = arg;
    if (http->listening != NULL)
        evhttp_del_accept_socket(http->evhttp, http->listening);
    http->listening = NULL;
    event_active(http->chores, EV_TIMEOUT, 0);
}

/* Requests that their handlers still hold are answered into nothing later. */
static void orphan_requests(struct opp_http *http)
{
    struct opp_request *next;

    for (struct opp_request *request = http->first; request != NULL; request = next) {
        next = request->next;
        request->http = NULL;
    }
}

void opp_http_free(struct opp_http *http)
{
    if (http == NULL)
        return;
    if (http->evhttp != NULL)
        evhttp_free(http->evhttp);
    orphan_requests(http);
    if (http->chores != NULL)
        event_free(http->chores);
    if (http->chunk != NULL)
        evbuffer_free(http->chunk);
    opp_buf_free(&http->body);
    free(http);
}
