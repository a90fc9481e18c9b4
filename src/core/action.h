/* SPDX-License-Identifier: MIT
 *
 * core/action.h - POST actions: an intent becomes a draft, or, where everything allows it, happens at once.
 * May include: base, core.
 */
#ifndef OPP_CORE_ACTION_H
#define OPP_CORE_ACTION_H

struct opp_flow;
extern const struct opp_flow OPP_FLOW_ACTION;

#endif
