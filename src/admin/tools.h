/* SPDX-License-Identifier: MIT
 *
 * admin/tools.h - the tools that the adapters declare, all of them or an app's.
 * May include: base.
 */
#ifndef OPP_ADMIN_TOOLS_H
#define OPP_ADMIN_TOOLS_H

struct opp_flow;

extern const struct opp_flow OPP_FLOW_TOOL_LIST, OPP_FLOW_TOOL_GET, OPP_FLOW_APP_TOOLS;

#endif
