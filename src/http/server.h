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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_http;
struct opp_request;
struct opp_router;

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
void opp_router_free(struct opp_router *router);

struct opp_http_settings {
    const char *host; /* an IP address, or "localhost" */
    uint16_t port;    /* 0: any, see opp_http_bind */
    size_t body_max_bytes;
    size_t header_max_bytes;
    int64_t idle_timeout_ms;
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
    void *worker;      /* for opp_request_worker */
    bool log_requests; /* a line at debug level for each request; failures of ours always have one */
};

/* Gives a server on a listening socket (takes fd, also on failure); runs while the loop does. The process must ignore
 * SIGPIPE. OPP_E_MEMORY. */
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
