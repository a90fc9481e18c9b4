/* SPDX-License-Identifier: MIT
 *
 * http/guard.h - what stands before evhttp: framing, deadlines, the number of connections, and accepting them.
 * May include: base, http.
 */
#ifndef OPP_HTTP_GUARD_H
#define OPP_HTTP_GUARD_H

#include "http/connection.h"
#include "http/server.h"

struct event;
struct event_base;
struct evconnlistener;
struct opp_crowd;

/* Part of struct opp_http. */
struct opp_guard {
    struct {
        struct opp_connection *first, *last; /* in the order of their deadlines */
        int64_t limit_ms;
    } phases[OPP_PHASE_COUNT];
    struct opp_connection **by_fd;
    size_t by_fd_count;
    struct opp_connection *errands;
    struct event *errand;
    struct event *tick;                  /* always pending: see accept.c */
    struct evconnlistener *listener;     /* NULL while draining */
    struct opp_crowd *crowd, *own_crowd; /* own_crowd: NULL where another's is used */
    size_t count, streams;
    size_t count_max, per_address_max, streams_max;
    size_t head_max_bytes;
    int fd_max;      /* descriptors from here on are for others than connections */
    int pause_ticks; /* accepting rests for so many */
    int64_t tick_ms; /* the timer's period */
};

/* guard_open.c. OPP_E_MEMORY; OPP_E_IO, OPP_E_INTERNAL: evhttp could not be tried out, or does not behave as the guard
 * needs it to. What was opened, also before a failure, is freed by opp_guard_close, when evhttp is freed already. */
enum opp_code opp_guard_open(struct opp_http *http, const struct opp_http_settings *settings, struct opp_err *err);
void opp_guard_close(struct opp_http *http);

/* connection.c. Watches a bufferevent that evhttp is about to use for a new connection. False: no memory; then evhttp
 * must not get it, and makes one of its own, whose requests opp_guard_connection does not know. */
bool opp_guard_watch(struct opp_http *http, struct bufferevent *events);
/* Lends the connection of a request; NULL: nobody watches it. */
struct opp_connection *opp_guard_connection(struct opp_http *http, struct evhttp_connection *ev);
/* The answer of the connection's request has left. */
void opp_guard_answered(struct opp_connection *connection);
/* The connection's request is a stream now. False: there are too many. */
bool opp_guard_stream(struct opp_connection *connection);
/* Looks after the connections that were sent on errands. */
void opp_guard_on_errand(int fd, short what, void *http);
/* When evhttp is freed: forgets those that it never took. */
void opp_guard_forget_all(struct opp_http *http);
/* Closes what has outlasted its deadline. */
void opp_guard_sweep(struct opp_http *http);

/* accept.c. Takes fd. False: no memory. */
bool opp_guard_listen(struct opp_http *http, int fd);
void opp_guard_stop_listening(struct opp_http *http);
/* After another connection: accepts no more for a moment where the descriptors that are left are for others. */
void opp_guard_make_room(struct opp_http *http);
/* Accepts, or does not, as the number of connections now asks for. */
void opp_guard_regulate(struct opp_http *http);
/* The timer's callback and period. */
void opp_guard_on_tick(int fd, short what, void *http);
void opp_guard_set_tick(struct opp_http *http);

/* guard_check.c. Whether this build of libevent calls as the guard needs it to. */
enum opp_code opp_guard_check(struct opp_err *err);

#endif
