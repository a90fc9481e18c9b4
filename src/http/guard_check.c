/* SPDX-License-Identifier: MIT */
#include "http/guard.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 2

/* A server that answers one request of our own, and what was seen of it, in the order that is needed. */
struct trial {
    struct event_base *base;
    struct evhttp *evhttp;
    struct event *first;
    struct bufferevent *events;
    void *connection; /* what the bufferevent's callbacks get as their argument, when the first event runs */
    bool ran_first;   /* before the first byte */
    bool saw_bytes;   /* before evhttp read them */
    bool knew;        /* the argument is the connection */
    bool was_closed;
};

static void on_first(int fd, short what, void *arg)
{
    struct trial *trial = arg;

    (void)fd;
    (void)what;
    bufferevent_getcb(trial->events, NULL, NULL, NULL, &trial->connection);
    trial->ran_first = !trial->saw_bytes && trial->connection != NULL;
}

static void on_bytes(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct trial *trial = arg;

    (void)input;
    trial->saw_bytes = trial->saw_bytes || (trial->ran_first && info->orig_size == 0 && info->n_added > 0);
}

static struct bufferevent *make_bufferevent(struct event_base *base, void *arg)
{
    struct trial *trial = arg;

    trial->events = bufferevent_socket_new(base, -1, 0);
    if (trial->events != NULL)
        evbuffer_add_cb(bufferevent_get_input(trial->events), on_bytes, trial);
    event_active(trial->first, EV_TIMEOUT, 0);
    return trial->events;
}

static void on_close(struct evhttp_connection *connection, void *arg)
{
    struct trial *trial = arg;

    trial->was_closed = connection == trial->connection;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
    struct trial *trial = arg;
    struct evhttp_connection *connection = evhttp_request_get_connection(ev);

    trial->knew = trial->saw_bytes && connection == trial->connection;
    evhttp_connection_set_closecb(connection, on_close, trial);
    event_base_loopbreak(trial->base);
}

static bool prepare(struct trial *trial)
{
    struct timeval patience = { .tv_sec = PATIENCE_S };

    trial->base = event_base_new();
    if (trial->base == NULL)
        return false;
    trial->evhttp = evhttp_new(trial->base);
    trial->first = event_new(trial->base, -1, 0, on_first, trial);
    if (trial->evhttp == NULL || trial->first == NULL)
        return false;
    evhttp_set_bevcb(trial->evhttp, make_bufferevent, trial);
    evhttp_set_gencb(trial->evhttp, on_request, trial);
    return event_base_loopexit(trial->base, &patience) == 0;
}

/* Gives a client's socket that has sent a request to the trial's server; -1 when there was none to be had. */
static int ask(struct trial *trial)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(trial->evhttp, "127.0.0.1", 0);
    int fd = -1;

    if (bound == NULL)
        return -1;
    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length) == 0)
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, length) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void clear(struct trial *trial, int fd)
{
    if (fd >= 0)
        close(fd);
    if (trial->evhttp != NULL)
        evhttp_free(trial->evhttp);
    if (trial->first != NULL)
        event_free(trial->first);
    if (trial->base != NULL)
        event_base_free(trial->base);
}

enum opp_code opp_guard_check(struct opp_err *err)
{
    struct trial trial = { .base = NULL };
    int fd = prepare(&trial) ? ask(&trial) : -1;
    bool asked = fd >= 0;

    if (asked)
        event_base_dispatch(trial.base);
    clear(&trial, fd);
    if (!asked)
        return opp_fail(err, OPP_E_IO, "cannot try out the HTTP server: no memory, descriptors or loopback address");
    if (!trial.knew || !trial.was_closed)
        return opp_fail(err, OPP_E_INTERNAL, "this libevent does not call as the guard before it needs it to");
    return OPP_OK;
}
