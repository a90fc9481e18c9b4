/* SPDX-License-Identifier: MIT
 *
 * api/api.h - the agents' endpoints and the health checks.
 * May include: base.
 */
#ifndef OPP_API_API_H
#define OPP_API_API_H

#include "base/error.h"

#include <stdbool.h>

struct opp_api;
struct opp_gateway;
struct opp_router;

/* Gives what the routes refer to; it must outlive the routers. Adds /api/agent/v1 and every read tool's path.
 * OPP_E_EXISTS: a tool's path is another's. OPP_E_MEMORY. */
enum opp_code opp_api_new(struct opp_gateway *gateway, struct opp_router *router, struct opp_api **out,
                          struct opp_err *err);
void opp_api_free(struct opp_api *api);

struct opp_http_offer;

/* For opp_http_context: strangers are answered before a byte of their bodies is accepted. worker is a struct
 * opp_worker. */
enum opp_code opp_api_admit(void *worker, const struct opp_http_offer *offer, int *retry_after_s);

/* Adds /metrics. open: who reaches the listener may ask; otherwise any person with a token. */
enum opp_code opp_metrics_route(struct opp_router *router, bool open, struct opp_err *err);

/* Adds /healthz and /readyz. */
enum opp_code opp_health_routes(struct opp_router *router, struct opp_err *err);

#endif
