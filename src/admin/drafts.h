/* SPDX-License-Identifier: MIT
 *
 * admin/drafts.h - drafts as people see them.
 * May include: base.
 */
#ifndef OPP_ADMIN_DRAFTS_H
#define OPP_ADMIN_DRAFTS_H

struct opp_flow;

extern const struct opp_flow OPP_FLOW_ADMIN_DRAFT_LIST, OPP_FLOW_ADMIN_DRAFT_GET, OPP_FLOW_ADMIN_DRAFT_EVIDENCE;

#endif
