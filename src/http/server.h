/* SPDX-License-Identifier: MIT
 *
 * http/server.h - routes, and the evhttp servers that answer them: one a worker, all on one SO_REUSEPORT address.
 * May include: base.
 */
#ifndef OPP_HTTP_SERVER_H
#define OPP_HTTP_SERVER_H

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_crowd;
struct opp_http;
struct opp_limited;
struct opp_meter;
struct opp_metrics;
struct opp_request;
struct opp_router;
struct opp_tls;

typedef void (*opp_handler)(struct opp_request *request);

enum opp_route_flags {
    OPP_ROUTE_BODY = 1,  /* takes a body; elsewhere one is refused with 400 common.bad_request */
    OPP_ROUTE_HIDDEN = 2 /* not counted or logged one by one (health checks) */
};

/* One way to reach a handler. path has parameters as {name}; all strings must outlive the router. HEAD is answered by
 * GET's handler without a body. */
struct opp_route {
    const char *method;
    const char *path;
    unsigned flags;
    opp_handler handle;
    const void *arg;
};

enum opp_code opp_router_new(struct opp_router **out, struct opp_err *err);
/* OPP_E_VALIDATION: no request can reach it (other methods than GET, POST, PUT, PATCH, DELETE; no path of whole
 * segments and parameters; more than 8 parameters). OPP_E_EXISTS: the method and path are taken, or differ from another
 * only in a parameter's name. */
enum opp_code opp_router_add(struct opp_router *router, const struct opp_route *route, struct opp_err *err);
/* Has the requests of all its routes counted, and the connections to its servers, under a listener's name. Once, when
 * all routes are there. OPP_E_MEMORY. */
enum opp_code opp_router_count(struct opp_router *router, struct opp_metrics *metrics, const char *listener,
                               struct opp_err *err);
/* The paths that come and go: where no other route ends, known is asked, on any worker's thread, whether this path is
 * one of them now. Only GET; path is what they begin with. OPP_E_EXISTS: there is such a route already. */
enum opp_code opp_router_open(struct opp_router *router, const struct opp_route *route,
                              bool (*known)(void *worker, const char *path), struct opp_err *err);
void opp_router_free(struct opp_router *router);

struct opp_http_settings {
    const char *host; /* an IP address, or "localhost" */
    uint16_t port;    /* 0: any, see opp_http_bind */
    size_t body_max_bytes;
    size_t header_max_bytes;
    /* Each of these 0: the default below. The timeouts are absolute: bytes that drip do not put them off. */
    int64_t handshake_timeout_ms; /* of TLS, from the first moment of the connection */
    int64_t idle_timeout_ms;      /* until the first byte of a request */
    int64_t header_timeout_ms;    /* from there to the end of its header block */
    int64_t body_timeout_ms;      /* from there to the end of its body */
    int64_t answer_timeout_ms;    /* from there, or from the last answer, until the answer has left; long-polls too */
    int64_t stream_timeout_ms;    /* of a stream, whose client comes back */
    size_t connections_max;       /* of this server: others wait to be accepted */
    size_t connections_per_address_max; /* others are closed; those of trusted proxies are not counted */
    size_t streams_max;                 /* others end as soon as they have begun */
};

#define OPP_HTTP_HANDSHAKE_MS 5000
#define OPP_HTTP_IDLE_MS 30000
#define OPP_HTTP_HEADER_MS 5000
#define OPP_HTTP_BODY_MS 10000
#define OPP_HTTP_ANSWER_MS 120000
#define OPP_HTTP_STREAM_MS 3600000
#define OPP_HTTP_CONNECTIONS 4096 /* and a quarter of them for one address, and half of them streams */

/* What is known of a request when its header block is complete and its body has not come. Lent during the call. */
struct opp_http_offer {
    const char *method;
    const char *path;          /* as opp_request_path */
    const char *authorization; /* the header's value, or NULL */
    const char *cookie;        /* likewise */
    const char *peer;          /* as opp_request_peer */
    const void *route;         /* as opp_request_route */
};

/* Binds once without SO_REUSEPORT, so that a used port is an error, then gives a listening socket with it; *port is the
 * one bound. More workers bind the same port by opp_http_bind_again. OPP_E_IO: err says the address and why. */
enum opp_code opp_http_bind(const struct opp_http_settings *settings, int *fd, uint16_t *port, struct opp_err *err);
enum opp_code opp_http_bind_again(const struct opp_http_settings *settings, uint16_t port, int *fd,
                                  struct opp_err *err);

struct opp_http_context {
    struct opp_loop *loop;
    const struct opp_router *router; /* immutable once the first server is open */
    struct opp_clock *clock;
    struct opp_log *log;
    struct opp_meter *meter; /* of this thread, made after opp_router_count; NULL: nothing is counted */
    void *worker;            /* for opp_request_worker */
    bool log_requests;       /* a line at debug level for each request; failures of ours always have one */
    struct opp_tls
        *tls; /* what connections speak; outlives the server and the last of them; NULL: nothing more than TCP */
    struct opp_crowd *crowd; /* counts the connections of each address; outlives the server; NULL: one of its own */
    const struct opp_cidr *trusted_proxies; /* whose X-Forwarded-For and Forwarded count; outlive the server */
    size_t trusted_proxy_count;
    /* Asked before a byte of a body is accepted, where a route takes one; NULL: all are. What is not OPP_OK is
     * answered, with Retry-After and RateLimit fields where *limited was set, and the connection is closed. The handler
     * asks again. */
    enum opp_code (*admit)(void *worker, const struct opp_http_offer *offer, struct opp_limited *limited);
};

/* Gives a server on a listening socket (takes fd, also on failure); runs while the loop does. The process must ignore
 * SIGPIPE. OPP_E_MEMORY. OPP_E_IO, OPP_E_INTERNAL: libevent could not be tried out, or does not call as the guard in
 * front of it needs it to. */
enum opp_code opp_http_open(const struct opp_http_context *context, const struct opp_http_settings *settings, int fd,
                            struct opp_http **out, struct opp_err *err);
/* On the loop's thread: accept no more, end streams, and end each connection with its next answer; idle connections end
 * with opp_http_free. done is called from the loop, later, when the last byte of the last answer has left; it may free
 * the server. */
void opp_http_drain(struct opp_http *http, void (*done)(void *arg), void *arg);
/* On the loop's thread, or when the loop has ended. Ends what is still open: streams are closed, and requests that wait
 * have their clients gone; they must be answered still. NULL allowed. */
void opp_http_free(struct opp_http *http);

#endif
