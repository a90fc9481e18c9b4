/* SPDX-License-Identifier: MIT */
#include "core/freeze.h"

#include "adapter/tool.h"
#include "core/intent.h"
#include "core/shape.h"

#include <string.h>

bool opp_freeze_is_off(const struct opp_freeze *freeze)
{
    return strcmp(freeze->mode, "off") == 0;
}

static bool covers(const struct opp_freeze *freeze, const struct opp_app_entry *app, const char *tool)
{
    if (strcmp(freeze->scope, "app") == 0)
        return strcmp(freeze->target, app->record->id) == 0;
    return strcmp(freeze->scope, "tool") != 0 || strcmp(freeze->target, tool) == 0;
}

const struct opp_freeze *opp_freeze_of(const struct opp_app_entry *app, const char *tool)
{
    const struct opp_freeze *found = NULL;
    size_t count = 0;
    struct opp_freeze *const *freezes = app->registry != NULL ? opp_registry_freezes(app->registry, &count) : NULL;

    for (size_t i = 0; i < count; i++)
        if (covers(freezes[i], app, tool) && (found == NULL || opp_freeze_is_off(freezes[i])))
            found = freezes[i];
    return found;
}

enum opp_step opp_freeze_check(struct opp_call *call)
{
    const struct opp_intent *intent = call->state;
    const struct opp_app_entry *app = intent->app != NULL ? intent->app : call->app;
    const struct opp_freeze *freeze = opp_freeze_of(app, intent->tool->name);

    if (freeze == NULL || !opp_freeze_is_off(freeze))
        return OPP_NEXT;
    return opp_call_refuse(call, OPP_E_FORBIDDEN, freeze->reason, json_pack("{s:s}", "reason", "frozen"));
}

json_t *opp_freeze_shape(const struct opp_freeze *freeze)
{
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:o, s:s?, s:o}", "id", freeze->id, "scope", freeze->scope,
                     "target_id", freeze->target, "mode", freeze->mode, "reason", freeze->reason, "created_by",
                     freeze->created_by, "created_at", opp_shape_time(freeze->created_at), "lifted_by",
                     freeze->lifted_by, "lifted_at", opp_shape_time(freeze->lifted_at));
}

json_t *opp_freeze_shape_now(const struct opp_freeze *freeze)
{
    return json_pack("{s:s, s:s, s:s}", "scope", freeze->scope, "mode", freeze->mode, "reason", freeze->reason);
}
