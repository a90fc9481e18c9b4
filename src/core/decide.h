/* SPDX-License-Identifier: MIT
 *
 * core/decide.h - a person decides on a draft: approve, which executes it once enough people have, or reject.
 * May include: base, core.
 */
#ifndef OPP_CORE_DECIDE_H
#define OPP_CORE_DECIDE_H

struct opp_flow;
extern const struct opp_flow OPP_FLOW_APPROVE, OPP_FLOW_REJECT;

#endif
