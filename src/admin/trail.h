/* SPDX-License-Identifier: MIT
 *
 * admin/trail.h - the audit trail for people: listed, verified, and what is signed of it.
 * May include: base.
 */
#ifndef OPP_ADMIN_TRAIL_H
#define OPP_ADMIN_TRAIL_H

struct opp_flow;

extern const struct opp_flow OPP_FLOW_AUDIT_LIST, OPP_FLOW_AUDIT_VERIFY, OPP_FLOW_AUDIT_CHECKPOINTS, OPP_FLOW_AUDIT_KEY;

#endif
