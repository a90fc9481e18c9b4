/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include "http/state.h"
#include "http/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

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
 * may wait has an end; the guard moves it for a body, which must fit whole, or it would never be parsed. */
static struct bufferevent *make_bufferevent(struct event_base *base, void *arg)
{
    struct opp_http *http = arg;
    struct opp_tls *tls = http->context.tls;
    struct bufferevent *events = tls != NULL ? opp_tls_bufferevent(tls, base) : bufferevent_socket_new(base, -1, 0);

    if (events == NULL)
        return NULL;
    bufferevent_setwatermark(events, EV_READ, 0, http->input_max_bytes);
    if (opp_guard_watch(http, events))
        return events;
    bufferevent_free(events);
    return NULL;
}

static void configure(struct opp_http *http, const struct opp_http_settings *settings)
{
    int64_t idle_ms = settings->idle_timeout_ms > 0 ? settings->idle_timeout_ms : OPP_HTTP_IDLE_MS;
    /* The guard speaks first; should it ever not, these bounds hold. */
    size_t body_bytes = settings->body_max_bytes + 1;

    http->body_max_bytes = settings->body_max_bytes;
    http->input_max_bytes = settings->header_max_bytes + 1; /* a header block that is too long has to be seen */
    http->idle.tv_sec = idle_ms / 1000;
    http->idle.tv_usec = idle_ms % 1000 * 1000;
    evhttp_set_timeout_tv(http->evhttp, &http->idle);
    evhttp_set_max_headers_size(http->evhttp, (ev_ssize_t)settings->header_max_bytes);
    evhttp_set_max_body_size(http->evhttp, (ev_ssize_t)body_bytes);
    evhttp_set_allowed_methods(http->evhttp, ALL_METHODS);
    evhttp_set_default_content_type(http->evhttp, NULL);
    evhttp_set_bevcb(http->evhttp, make_bufferevent, http);
    evhttp_set_gencb(http->evhttp, opp_http_intake, http);
}

enum opp_code opp_http_open(const struct opp_http_context *context, const struct opp_http_settings *settings, int fd,
                            struct opp_http **out, struct opp_err *err)
{
    struct event_base *base = opp_loop_base(context->loop);
    struct opp_http *http = calloc(1, sizeof *http);
    enum opp_code rc = OPP_E_MEMORY;

    if (http == NULL)
        goto fail;
    http->context = *context;
    http->evhttp = evhttp_new(base);
    http->chores = event_new(base, -1, 0, do_chores, http);
    http->chunk = evbuffer_new();
    if (http->evhttp == NULL || http->chores == NULL || http->chunk == NULL)
        goto fail;
    configure(http, settings);
    rc = opp_guard_open(http, settings, err);
    if (rc != OPP_OK)
        goto fail;
    rc = OPP_E_MEMORY;
    if (!opp_guard_listen(http, fd)) {
        fd = -1;
        goto fail;
    }
    *out = http;
    return OPP_OK;
fail:
    if (fd >= 0)
        close(fd);
    opp_http_free(http);
    return opp_fail(err, rc, "no memory for an HTTP server");
}

void opp_http_drain(struct opp_http *http, void (*done)(void *arg), void *arg)
{
    http->draining = true;
    http->drained = done;
    http->drained_arg = arg;
    opp_guard_stop_listening(http);
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
    if (http->evhttp != NULL) {
        opp_guard_stop_listening(http);
        evhttp_free(http->evhttp);
    }
    opp_guard_close(http);
    orphan_requests(http);
    if (http->chores != NULL)
        event_free(http->chores);
    if (http->chunk != NULL)
        evbuffer_free(http->chunk);
    opp_buf_free(&http->body);
    free(http);
}
