/* SPDX-License-Identifier: MIT
 *
 * core/read.h - a read tool on its own route.
 * May include: adapter, base, core.
 */
#ifndef OPP_CORE_READ_H
#define OPP_CORE_READ_H

struct opp_flow;
struct opp_tool;

/* What a call of OPP_FLOW_READ has as its route; lives as long as the router. */
struct opp_read_route {
    const struct opp_tool *tool;
    const char *audit_action; /* agent.<tool> */
};

extern const struct opp_flow OPP_FLOW_READ;

#endif
