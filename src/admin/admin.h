/* SPDX-License-Identifier: MIT
 *
 * admin/admin.h - the endpoints of people: apps, keys, windows, drafts, the audit trail, tokens.
 * May include: base.
 */
#ifndef OPP_ADMIN_ADMIN_H
#define OPP_ADMIN_ADMIN_H

#include "base/error.h"

struct opp_router;

/* Adds /api/agent-admin/v1. Codes as opp_router_add. */
enum opp_code opp_admin_routes(struct opp_router *router, struct opp_err *err);

#endif
