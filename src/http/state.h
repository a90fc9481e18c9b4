/* SPDX-License-Identifier: MIT
 *
 * http/state.h - a server and its requests as the files of http/ see them; nobody else does.
 * May include: base, http.
 */
#ifndef OPP_HTTP_STATE_H
#define OPP_HTTP_STATE_H

#include "base/buf.h"
#include "base/id.h"
#include "base/net.h"
#include "http/guard.h"
#include "http/match.h"
#include "http/request.h"
#include "http/server.h"
#include "http/target.h"
#include "http/trace.h"

#include <event2/http.h>
#include <sys/time.h>

struct evbuffer;
struct event;

struct opp_http {
    struct opp_http_context context;
    size_t body_max_bytes;
    size_t input_max_bytes; /* what a connection may have waiting to be parsed, beside a body that was admitted */
    struct timeval idle;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *listening; /* NULL while draining */
    struct opp_guard guard;
    struct event *chores;      /* made active for what must not happen inside a callback of evhttp */
    struct evbuffer *chunk;    /* empty between two writes to streams */
    struct opp_buf body;       /* an answer's bytes while they are written; its memory is kept */
    struct opp_request *first; /* every request until its answer has left */
    bool draining;
    void (*drained)(void *arg);
    void *drained_arg;
};

/* OPEN until the answer, SENDING until its last byte is the kernel's, STREAMING in place of both. */
enum opp_request_state {
    OPP_REQUEST_OPEN,
    OPP_REQUEST_SENDING,
    OPP_REQUEST_STREAMING
};

struct opp_request {
    struct opp_request *next;
    struct opp_request **link;         /* what points here in the server's list */
    struct opp_http *http;             /* NULL once the server is gone */
    struct evhttp_request *ev;         /* NULL once evhttp has freed it */
    struct opp_connection *connection; /* NULL once the client has gone */
    void (*on_gone)(void *arg);        /* a stream's on_close */
    void *on_gone_arg;
    void *worker;
    const struct opp_route *route; /* NULL until one was found */
    const char *client_id;
    const char *path;
    const char *query;
    int64_t started_ns;
    enum opp_method method;
    enum opp_request_state state;
    bool waiting;   /* the handler has returned without an answer */
    bool own_cache; /* the handler has set Cache-Control */
    bool close;     /* the connection ends with the answer */
    bool failed;    /* a header could not be set, or a part of a stream was lost */
    size_t param_count;
    const char *params[OPP_ROUTE_PARAMS_MAX];
    char id[OPP_ID_MAX];
    char trace[OPP_TRACE_MAX];
    char peer[OPP_ADDRESS_TEXT_MAX];
    char text[]; /* the path, then the parameters */
};

/* request.c. Gives a request in the server's list, tied to its connection; NULL when memory is out or there is none.
 * target NULL: it was none that can be used. */
struct opp_request *opp_request_begin(struct opp_http *http, struct evhttp_request *ev,
                                      const struct opp_target *target);
/* Frees what nobody will send or read any more; evhttp's part too where that is ours. */
void opp_request_end(struct opp_request *request);
/* After a handler returned without an answer: notices when the client goes, and lets the client be silent. */
void opp_request_wait(struct opp_request *request);
void opp_request_wake(struct opp_request *request);
struct bufferevent *opp_request_bufferevent(const struct opp_request *request);
/* The connection is about to be freed. */
void opp_request_closed(struct opp_request *request);

/* For browsers, on all answers: JSON is not to be run, framed or read by other sites. Whole lines. */
#define OPP_BROWSER_POLICY "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
#define OPP_BROWSER_RULES                                 \
    "Content-Security-Policy: " OPP_BROWSER_POLICY "\r\n" \
    "Cross-Origin-Resource-Policy: same-origin\r\n"       \
    "Referrer-Policy: no-referrer\r\n"

/* head.c. Adds the headers that every answer has; false when memory is out. content_type may be NULL. */
bool opp_head_add(struct opp_request *request, const char *content_type);
/* What stands behind the status in the first line. */
const char *opp_status_phrase(int status);

/* answer.c. For what there was no memory for: an answer, or (request NULL) a request. */
void opp_answer_last_resort(const struct opp_http *http, const struct opp_request *request, struct evhttp_request *ev);

/* stream.c. Ends the streams that must not go on: all when draining, those for HEAD, and those that lost a part. */
void opp_streams_sweep(struct opp_http *http);
/* The client has gone: calls on_close and frees. */
void opp_stream_closed(struct opp_request *request);

/* intake.c: evhttp's callback for each request. */
void opp_http_intake(struct evhttp_request *ev, void *http);

#endif
