/* SPDX-License-Identifier: MIT */
#include "http/state.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <unistd.h>

/* How exact deadlines are. */
#define TICK_MS 100
#define REST_MS 3600000
/* The first may come at once. */
#define PAUSE_TICKS 2

/* evhttp gives the listener's callbacks an argument of its own, so that the error callback has to look for its server:
 * by the timer that each server always has pending. */
struct search {
    const struct evconnlistener *listener;
    struct opp_http *found;
};

static int match_server(const struct event_base *base, const struct event *event, void *arg)
{
    struct search *search = arg;
    struct opp_http *http = event_get_callback_arg(event);

    (void)base;
    if (event_get_callback(event) != opp_guard_on_tick || http->guard.listener != search->listener)
        return 0;
    search->found = http;
    return 1;
}

void opp_guard_set_tick(struct opp_http *http)
{
    struct opp_guard *guard = &http->guard;
    int64_t ms = guard->count > 0 || guard->pause_ticks > 0 ? TICK_MS : REST_MS;
    struct timeval period = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

    if (ms == guard->tick_ms)
        return;
    guard->tick_ms = ms;
    event_add(guard->tick, &period);
}

void opp_guard_regulate(struct opp_http *http)
{
    struct opp_guard *guard = &http->guard;

    if (guard->listener == NULL)
        return;
    if (guard->pause_ticks > 0 || guard->count >= guard->count_max)
        evconnlistener_disable(guard->listener);
    else
        evconnlistener_enable(guard->listener);
}

/* It ends as soon as a connection does. */
static void pause_accepting(struct opp_http *http)
{
    http->guard.pause_ticks = PAUSE_TICKS;
    opp_guard_regulate(http);
    opp_guard_set_tick(http);
}

/* Without descriptors, accepting fails at once and for ever: the loop would do nothing else. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct search search = { .listener = listener };

    (void)arg;
    event_base_foreach_event(evconnlistener_get_base(listener), match_server, &search);
    if (search.found != NULL)
        pause_accepting(search.found);
}

/* The descriptor that the next connection would get tells how many are left to the whole process. */
void opp_guard_make_room(struct opp_http *http)
{
    struct opp_guard *guard = &http->guard;
    int next = guard->listener != NULL ? dup(evconnlistener_get_fd(guard->listener)) : -1;

    if (next < 0 || next >= guard->fd_max)
        pause_accepting(http);
    else
        opp_guard_regulate(http);
    if (next >= 0)
        close(next);
}

void opp_guard_on_tick(int fd, short what, void *arg)
{
    struct opp_http *http = arg;

    (void)fd;
    (void)what;
    opp_guard_sweep(http);
    if (http->guard.pause_ticks > 0)
        http->guard.pause_ticks--;
    opp_guard_regulate(http);
    opp_guard_set_tick(http);
}

bool opp_guard_listen(struct opp_http *http, int fd)
{
    struct event_base *base = opp_loop_base(http->context.loop);
    struct evconnlistener *listener =
        evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

    if (listener == NULL) {
        close(fd);
        return false;
    }
    http->listening = evhttp_bind_listener(http->evhttp, listener);
    if (http->listening == NULL) {
        evconnlistener_free(listener);
        return false;
    }
    evconnlistener_set_error_cb(listener, on_accept_error);
    http->guard.listener = listener;
    return true;
}

void opp_guard_stop_listening(struct opp_http *http)
{
    if (http->listening != NULL)
        evhttp_del_accept_socket(http->evhttp, http->listening);
    http->listening = NULL;
    http->guard.listener = NULL;
}
