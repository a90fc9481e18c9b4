/* SPDX-License-Identifier: MIT
 *
 * admin/apps.h - apps and their keys: made, changed, revoked, restored, deleted.
 * May include: base.
 */
#ifndef OPP_ADMIN_APPS_H
#define OPP_ADMIN_APPS_H

struct opp_flow;

extern const struct opp_flow OPP_FLOW_APP_LIST, OPP_FLOW_APP_GET, OPP_FLOW_APP_CREATE, OPP_FLOW_APP_PATCH,
    OPP_FLOW_APP_REVOKE, OPP_FLOW_APP_RESTORE, OPP_FLOW_APP_DELETE, OPP_FLOW_APP_POLICY, OPP_FLOW_APP_AUTO_EXECUTE,
    OPP_FLOW_KEY_CREATE, OPP_FLOW_KEY_REVOKE, OPP_FLOW_KEY_ROTATE;

#endif
