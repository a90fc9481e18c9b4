/* SPDX-License-Identifier: MIT
 *
 * admin/policies.h - the rules in force: looked at, and loaded anew.
 * May include: base.
 */
#ifndef OPP_ADMIN_POLICIES_H
#define OPP_ADMIN_POLICIES_H

struct opp_flow;
extern const struct opp_flow OPP_FLOW_POLICY_GET, OPP_FLOW_POLICY_RELOAD;

#endif
