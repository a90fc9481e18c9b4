/* SPDX-License-Identifier: MIT
 *
 * http/match.h - which route a path and a method lead to.
 * May include: http/count.h, http/server.h.
 */
#ifndef OPP_HTTP_MATCH_H
#define OPP_HTTP_MATCH_H

#include "http/count.h"
#include "http/server.h"

#include <stddef.h>

#define OPP_ROUTE_PARAMS_MAX 8

/* The methods that are known; only those before OPP_METHOD_HEAD can have a route of their own. */
enum opp_method {
    OPP_METHOD_GET,
    OPP_METHOD_POST,
    OPP_METHOD_PUT,
    OPP_METHOD_PATCH,
    OPP_METHOD_DELETE,
    OPP_METHOD_HEAD, /* answered by GET's route */
    OPP_METHOD_OPTIONS,
    OPP_METHOD_UNKNOWN
};

/* Lends static text; "" for OPP_METHOD_UNKNOWN. */
const char *opp_method_name(enum opp_method method);

/* A part of the path as it was sent, percent-encoded still. */
struct opp_span {
    const char *start;
    size_t length;
};

/* route is NULL where there is none; then allow is NULL for an unknown path, and what Allow must say for a known path
 * with another method. */
struct opp_match {
    const struct opp_route *route;
    const char *allow;
    size_t count;
    struct opp_span params[OPP_ROUTE_PARAMS_MAX];
};

/* path is a checked one (http/target.h), NUL-terminated; the match lends from it and from the router. A literal segment
 * goes before a parameter; segments are compared byte for byte, and a parameter is never empty. What no route is for
 * may be the open one's: worker is for asking it. */
void opp_router_match(const struct opp_router *router, enum opp_method method, const char *path, void *worker,
                      struct opp_match *match);

/* Lends what opp_router_count has made; NULL: nothing is counted. */
const struct opp_http_cells *opp_router_cells(const struct opp_router *router);
/* The cells of a route of a router that is counted. */
void opp_route_cells(const struct opp_route *route, size_t *requests, size_t *seconds);

/* The number of the parameter of this name in a route's path, counted from 0; -1 where there is none. */
int opp_route_param(const struct opp_route *route, const char *name);

#endif
