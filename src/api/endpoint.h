/* SPDX-License-Identifier: MIT
 *
 * api/endpoint.h - one row an endpoint: which route starts which flow, for whom. The only way to register one.
 * May include: core, http, base.
 */
#ifndef OPP_API_ENDPOINT_H
#define OPP_API_ENDPOINT_H

#include "base/error.h"
#include "core/call.h"
#include "core/guard.h"

struct opp_router;

enum opp_caller {
    OPP_CALLER_AGENT,
    OPP_CALLER_PERSON,
    OPP_CALLER_ANYBODY /* where who reaches the listener may ask */
};

struct opp_endpoint {
    const char *method;
    const char *path;
    enum opp_caller caller;
    unsigned roles; /* of a person: any of these bits; OPP_ROLE_VIEWER: any role */
    const struct opp_flow *flow;
    bool reads; /* the path is a read tool's, as the generation has it */
};

/* Adds endpoints to a router; they must outlive it. POST, PUT and PATCH take a JSON object as body; the input of the
 * others is their query. Codes as opp_router_add. */
enum opp_code opp_endpoints_add(struct opp_router *router, const struct opp_endpoint *endpoints, size_t count,
                                struct opp_err *err);
/* Adds the one endpoint of all read tools, whose paths begin with its path and are those of the generation in force. */
enum opp_code opp_endpoint_add_reads(struct opp_router *router, const struct opp_endpoint *endpoint,
                                     struct opp_err *err);

#endif
