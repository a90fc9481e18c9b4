/* SPDX-License-Identifier: MIT
 *
 * core/app_view.h - what tools are shown of the app that calls them, made once for each registry and not per call.
 * May include: core.
 */
#ifndef OPP_CORE_APP_VIEW_H
#define OPP_CORE_APP_VIEW_H

#include "base/error.h"

#include <jansson.h>

struct opp_app_entry;

/* Shared by all calls of the app, on every thread: never changed once made. */
struct opp_app_view {
    json_t *actor;    /* {user_id} */
    json_t *app;      /* {id, name, scope, org_id, scopes, policy} */
    json_t *limits;   /* {max_days} or {} */
    json_t *boundary; /* opp_boundary_view */
};

/* Fills app->view from its record and policy; clear it in any case. OPP_E_MEMORY. */
enum opp_code opp_app_view_make(struct opp_app_entry *app, struct opp_err *err);
void opp_app_view_clear(struct opp_app_view *view);

#endif
