/* SPDX-License-Identifier: MIT */
#include "core/app_view.h"

#include "core/boundary.h"
#include "core/registry.h"

#include <string.h>

static json_t *show_app(const struct opp_app *record)
{
    return json_pack("{s:s, s:s, s:s, s:s?, s:O, s:O}", "id", record->id, "name", record->name, "scope", record->scope,
                     "org_id", record->org_id, "scopes", record->scopes, "policy", record->policy);
}

enum opp_code opp_app_view_make(struct opp_app_entry *app, struct opp_err *err)
{
    const struct opp_app *record = app->record;
    const struct opp_app_policy *policy = &app->policy;
    struct opp_app_view *view = &app->view;
    bool workspace = strcmp(record->scope, "workspace") == 0;

    view->actor = json_pack("{s:s?}", "user_id", workspace ? record->service_user_id : record->user_id);
    view->app = show_app(record);
    view->limits = policy->max_days > 0 ? json_pack("{s:I}", "max_days", (json_int_t)policy->max_days) : json_object();
    view->boundary = opp_boundary_view(app);
    if (view->actor == NULL || view->app == NULL || view->limits == NULL || view->boundary == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for the registry");
    return OPP_OK;
}

void opp_app_view_clear(struct opp_app_view *view)
{
    json_decref(view->actor);
    json_decref(view->app);
    json_decref(view->limits);
    json_decref(view->boundary);
    *view = (struct opp_app_view){ 0 };
}
