/* SPDX-License-Identifier: MIT
 *
 * api/api.h - the agents' endpoints and the health checks.
 * May include: base.
 */
#ifndef OPP_API_API_H
#define OPP_API_API_H

#include "base/error.h"

#include <stdbool.h>

struct opp_router;

/* Adds /api/agent/v1 and, below it, the paths of the read tools that are in force. OPP_E_MEMORY. */
enum opp_code opp_api_routes(struct opp_router *router, struct opp_err *err);

struct opp_http_offer;
struct opp_limited;

/* For opp_http_context: strangers, and keys that are over their rate limit, are answered before a byte of their bodies
 * is accepted. worker is a struct opp_worker, the offer's route an endpoint. */
enum opp_code opp_api_admit(void *worker, const struct opp_http_offer *offer, struct opp_limited *limited);

/* Adds /metrics. open: who reaches the listener may ask; otherwise any person with a token. */
enum opp_code opp_metrics_route(struct opp_router *router, bool open, struct opp_err *err);

/* Adds /healthz and /readyz. */
enum opp_code opp_health_routes(struct opp_router *router, struct opp_err *err);

#endif
