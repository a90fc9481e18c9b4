/* SPDX-License-Identifier: MIT
 *
 * admin/decisions.h - what was decided, as the decision log has it, and the report on what the staged rules would have.
 * May include: base.
 */
#ifndef OPP_ADMIN_DECISIONS_H
#define OPP_ADMIN_DECISIONS_H

struct opp_flow;
extern const struct opp_flow OPP_FLOW_DECISION_LIST, OPP_FLOW_STAGE_REPORT;

#endif
