/* SPDX-License-Identifier: MIT */
#include "http/connection.h"

#include "http/crowd.h"
#include "http/state.h"
#include "http/tls.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static void link_in(struct opp_connection *connection, enum opp_phase phase)
{
    struct opp_guard *guard = &connection->http->guard;
    struct opp_connection *last = guard->phases[phase].last;

    connection->phase = phase;
    connection->previous = last;
    connection->next = NULL;
    guard->phases[phase].last = connection;
    if (last != NULL)
        last->next = connection;
    else
        guard->phases[phase].first = connection;
}

static void link_out(struct opp_connection *connection)
{
    struct opp_guard *guard = &connection->http->guard;

    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        guard->phases[connection->phase].first = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    else
        guard->phases[connection->phase].last = connection->previous;
}

void opp_connection_enter(struct opp_connection *connection, enum opp_phase phase)
{
    struct opp_guard *guard = &connection->http->guard;

    guard->streams -= connection->phase == OPP_PHASE_STREAM;
    guard->streams += phase == OPP_PHASE_STREAM;
    link_out(connection);
    link_in(connection, phase);
    connection->since_ms = opp_monotonic_ms();
}

static enum opp_phase fitting_phase(const struct opp_connection *connection)
{
    static const enum opp_phase phases[] = { [OPP_FRAMING_BETWEEN] = OPP_PHASE_IDLE,
                                             [OPP_FRAMING_IN_HEAD] = OPP_PHASE_HEAD,
                                             [OPP_FRAMING_IN_BODY] = OPP_PHASE_BODY };

    if (connection->asked != connection->answered)
        return connection->phase == OPP_PHASE_STREAM ? OPP_PHASE_STREAM : OPP_PHASE_ANSWER;
    return phases[opp_framing_part(&connection->framing)];
}

void opp_connection_settle(struct opp_connection *connection, bool restart)
{
    enum opp_phase phase = connection->lingering ? connection->phase : fitting_phase(connection);

    if (phase != connection->phase || restart)
        opp_connection_enter(connection, phase);
}

void opp_connection_secured(struct opp_connection *connection)
{
    if (connection->phase == OPP_PHASE_HANDSHAKE)
        opp_connection_enter(connection, OPP_PHASE_IDLE);
}

void opp_connection_send_on_errand(struct opp_connection *connection)
{
    struct opp_guard *guard = &connection->http->guard;

    event_active(guard->errand, EV_TIMEOUT, 0);
    if (connection->on_errand)
        return;
    connection->on_errand = true;
    connection->next_errand = guard->errands;
    guard->errands = connection;
}

static void call_off(struct opp_connection *connection)
{
    struct opp_connection **at = &connection->http->guard.errands;

    while (*at != NULL && *at != connection)
        at = &(*at)->next_errand;
    if (*at != NULL)
        *at = connection->next_errand;
}

static void forget(struct opp_connection *connection)
{
    struct opp_http *http = connection->http;
    struct opp_guard *guard = &http->guard;

    if (connection->on_errand)
        call_off(connection);
    opp_connection_enter(connection, OPP_PHASE_IDLE);
    link_out(connection);
    if (connection->counted)
        opp_crowd_leave(guard->crowd, &connection->address);
    if (connection->fd >= 0 && guard->by_fd[connection->fd] == connection)
        guard->by_fd[connection->fd] = NULL;
    opp_tls_attach(connection->events, NULL);
    evbuffer_remove_cb_entry(bufferevent_get_input(connection->events), connection->watch);
    bufferevent_decref(connection->events);
    opp_buf_free(&connection->head);
    free(connection);
    guard->count--;
    opp_count_open(http);
    guard->pause_ticks = 0;
    opp_guard_regulate(http);
}

/* evhttp is about to free the connection, for whatever reason. */
static void on_closed(struct evhttp_connection *ev, void *arg)
{
    struct opp_connection *connection = arg;

    (void)ev;
    if (connection->request != NULL)
        opp_request_closed(connection->request);
    opp_tls_say_goodbye(connection->events);
    forget(connection);
}

void opp_connection_close(struct opp_connection *connection)
{
    evhttp_connection_free(connection->ev);
}

bool opp_guard_watch(struct opp_http *http, struct bufferevent *events)
{
    struct opp_connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL)
        return false;
    connection->http = http;
    connection->events = events;
    connection->fd = -1;
    opp_framing_init(&connection->framing, http->guard.head_max_bytes);
    if (!opp_connection_watch(connection)) {
        free(connection);
        return false;
    }
    bufferevent_incref(events);
    opp_tls_attach(events, connection);
    link_in(connection, http->context.tls != NULL ? OPP_PHASE_HANDSHAKE : OPP_PHASE_IDLE);
    connection->since_ms = opp_monotonic_ms();
    http->guard.count++;
    opp_count_opened(http);
    opp_guard_make_room(http);
    opp_guard_set_tick(http);
    opp_connection_send_on_errand(connection);
    return true;
}

static void read_address(struct opp_connection *connection)
{
    const struct sockaddr *any = evhttp_connection_get_addr(connection->ev);
    const void *v4 = &((const struct sockaddr_in *)(const void *)any)->sin_addr;
    const void *v6 = &((const struct sockaddr_in6 *)(const void *)any)->sin6_addr;

    inet_ntop(any->sa_family, any->sa_family == AF_INET ? v4 : v6, connection->peer, sizeof connection->peer);
    if (opp_address_parse(connection->peer, &connection->address, NULL) == OPP_OK)
        opp_address_format(&connection->address, connection->peer);
}

static bool remember_fd(struct opp_guard *guard, struct opp_connection *connection, int fd)
{
    struct opp_connection **grown;
    size_t count = (size_t)fd + 64;

    if ((size_t)fd >= guard->by_fd_count) {
        grown = realloc(guard->by_fd, count * sizeof(struct opp_connection *));
        if (grown == NULL)
            return false;
        for (size_t i = guard->by_fd_count; i < count; i++)
            grown[i] = NULL;
        guard->by_fd = grown;
        guard->by_fd_count = count;
    }
    guard->by_fd[fd] = connection;
    connection->fd = fd;
    return true;
}

/* A proxy has the connections of many. */
static bool may_enter(struct opp_connection *connection)
{
    struct opp_guard *guard = &connection->http->guard;

    connection->proxy = opp_connection_is_proxy(connection);
    if (connection->proxy)
        return true;
    connection->counted = opp_crowd_enter(guard->crowd, &connection->address, guard->per_address_max);
    return connection->counted;
}

/* The first errand, before the connection's first byte: what evhttp has made of the bufferevent. Nothing, when it had
 * no memory. */
static void adopt(struct opp_connection *connection)
{
    struct opp_http *http = connection->http;
    int fd = bufferevent_getfd(connection->events);
    void *ev = NULL;

    bufferevent_getcb(connection->events, NULL, NULL, NULL, &ev);
    if (ev == NULL) {
        forget(connection);
        return;
    }
    connection->ev = ev;
    evhttp_connection_set_closecb(ev, on_closed, connection);
    read_address(connection);
    if (remember_fd(&http->guard, connection, fd) && may_enter(connection))
        return;
    opp_count_ended(http, OPP_ENDED_ADDRESS);
    opp_connection_close(connection);
}

static void run_errand(struct opp_connection *connection)
{
    if (connection->ev == NULL)
        adopt(connection);
    else if (connection->doomed)
        opp_connection_close(connection);
    else if (connection->refused && !connection->lingering && connection->asked == connection->answered)
        opp_connection_refuse(connection);
}

void opp_guard_on_errand(int fd, short what, void *arg)
{
    struct opp_guard *guard = &((struct opp_http *)arg)->guard;
    struct opp_connection *connection;

    (void)fd;
    (void)what;
    while ((connection = guard->errands) != NULL) {
        guard->errands = connection->next_errand;
        connection->on_errand = false;
        run_errand(connection);
    }
}

void opp_guard_forget_all(struct opp_http *http)
{
    while (http->guard.errands != NULL) {
        struct opp_connection *connection = http->guard.errands;

        http->guard.errands = connection->next_errand;
        connection->on_errand = false;
        forget(connection);
    }
}

struct opp_connection *opp_guard_connection(struct opp_http *http, struct evhttp_connection *ev)
{
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(ev));

    return fd >= 0 && (size_t)fd < http->guard.by_fd_count ? http->guard.by_fd[fd] : NULL;
}

void opp_guard_answered(struct opp_connection *connection)
{
    connection->request = NULL;
    connection->answered++;
    opp_connection_settle(connection, true);
    if (connection->refused)
        opp_connection_send_on_errand(connection);
}

bool opp_guard_stream(struct opp_connection *connection)
{
    struct opp_guard *guard = &connection->http->guard;

    opp_connection_enter(connection, OPP_PHASE_STREAM);
    opp_count_open(connection->http);
    return guard->streams <= guard->streams_max;
}

void opp_guard_sweep(struct opp_http *http)
{
    struct opp_guard *guard = &http->guard;
    int64_t now_ms = opp_monotonic_ms();

    for (int i = 0; i < OPP_PHASE_COUNT; i++) {
        struct opp_connection *first;

        while ((first = guard->phases[i].first) != NULL && first->ev != NULL &&
               now_ms - first->since_ms >= guard->phases[i].limit_ms) {
            if (i <= OPP_PHASE_STREAM)
                opp_count_ended(http, (enum opp_ended)i);
            opp_connection_close(first);
        }
    }
}
