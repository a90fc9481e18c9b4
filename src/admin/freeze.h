/* SPDX-License-Identifier: MIT
 *
 * admin/freeze.h - people stop the gateway, an app or a tool, at once, and lift that again.
 * May include: core.
 */
#ifndef OPP_ADMIN_FREEZE_H
#define OPP_ADMIN_FREEZE_H

struct opp_flow;

extern const struct opp_flow OPP_FLOW_FREEZE_LIST, OPP_FLOW_FREEZE_CREATE, OPP_FLOW_FREEZE_LIFT;

#endif
