/* SPDX-License-Identifier: MIT
 *
 * core/read.h - a read tool on its own route.
 * May include: adapter, base, core.
 */
#ifndef OPP_CORE_READ_H
#define OPP_CORE_READ_H

struct opp_flow;

/* Of a call that has call->read. */
extern const struct opp_flow OPP_FLOW_READ;

#endif
