/* SPDX-License-Identifier: MIT
 *
 * core/count.h - what core counts on a worker's meter, and the flow that shows all that is counted.
 * May include: policy, base, core.
 */
#ifndef OPP_CORE_COUNT_H
#define OPP_CORE_COUNT_H

#include "base/metrics.h"
#include "policy/decision.h"

struct opp_call;
struct opp_flow;

/* The first cells of each. */
struct opp_core_cells {
    size_t decisions[OPP_PHASE_COUNT]; /* by outcome */
    size_t rule_failures, trips, auth_failures, rate_limited;
};

/* What ran out of its budget. */
enum opp_trip {
    OPP_TRIP_POLICY,
    OPP_TRIP_ADAPTER,
    OPP_TRIP_COUNT
};

/* Which limit was exceeded. */
enum opp_rate_kind {
    OPP_RATE_KEY,
    OPP_RATE_TOOL,
    OPP_RATE_STRANGER,
    OPP_RATE_KIND_COUNT
};

/* OPP_E_MEMORY. */
enum opp_code opp_core_cells_add(struct opp_metrics *metrics, struct opp_core_cells *cells, struct opp_err *err);

void opp_count_decision(const struct opp_call *call, enum opp_phase phase, const struct opp_policy_decision *decision);
void opp_count_trip(const struct opp_call *call, enum opp_trip what);

/* GET /metrics: text for Prometheus. Needs nobody to be known. */
extern const struct opp_flow OPP_FLOW_METRICS;

#endif
