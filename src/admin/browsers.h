/* SPDX-License-Identifier: MIT
 *
 * admin/browsers.h - sessions of people who come by a browser: begun with a token, listed, ended.
 * May include: base.
 */
#ifndef OPP_ADMIN_BROWSERS_H
#define OPP_ADMIN_BROWSERS_H

struct opp_flow;

/* The end is of the session of the path's id, or without one of the session that asks. */
extern const struct opp_flow OPP_FLOW_BROWSER_BEGIN, OPP_FLOW_BROWSER_LIST, OPP_FLOW_BROWSER_END;

#endif
