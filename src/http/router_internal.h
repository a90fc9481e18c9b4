/* SPDX-License-Identifier: MIT
 *
 * http/router_internal.h - the tree of routes, and the cells in which their requests are counted; for http/router*.c.
 * May include: base, http.
 */
#ifndef OPP_HTTP_ROUTER_INTERNAL_H
#define OPP_HTTP_ROUTER_INTERNAL_H

#include "http/match.h"

#define ALLOW_MAX 64

struct counted_route {
    struct opp_route route; /* first */
    size_t requests, seconds;
};

/* One segment of the paths that pass here. A node with an empty allow is only on the way to others. */
struct node {
    const char *segment;
    size_t length;
    struct node **children; /* of literal segments, sorted */
    size_t count;
    struct node *param; /* of any segment that is not empty */
    struct counted_route routes[OPP_METHOD_HEAD];
    char allow[ALLOW_MAX];
};

struct opp_router {
    struct node root;
    struct opp_http_cells cells;
    bool counts;
    struct counted_route open; /* without a handle: there is none */
    bool (*known)(void *worker, const char *path);
};

#endif
