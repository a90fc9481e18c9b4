/* SPDX-License-Identifier: MIT
 *
 * admin/policies.h - the rules in force and staged: looked at, changed, and tried on the past.
 * May include: base.
 */
#ifndef OPP_ADMIN_POLICIES_H
#define OPP_ADMIN_POLICIES_H

struct opp_flow;
extern const struct opp_flow OPP_FLOW_POLICY_GET, OPP_FLOW_POLICY_RELOAD, OPP_FLOW_POLICY_STAGE,
    OPP_FLOW_POLICY_DISCARD, OPP_FLOW_POLICY_PROMOTE, OPP_FLOW_POLICY_ROLLBACK, OPP_FLOW_REPLAY, OPP_FLOW_JOB_GET,
    OPP_FLOW_JOB_LIST, OPP_FLOW_JOB_CANCEL, OPP_FLOW_EVALUATE;

#endif
