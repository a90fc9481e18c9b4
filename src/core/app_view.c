/* SPDX-License-Identifier: MIT */
#include "core/app_view.h"

#include "core/boundary.h"
#include "core/redact.h"
#include "core/registry.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64

/* Two apps of one slot take turns. An address alone could be another registry's by now. */
struct slot {
    const struct opp_app_entry *app;
    uint64_t version;
    struct opp_app_view view;
};

struct opp_app_views {
    const unsigned char *gateway_key;
    struct slot slots[SLOTS];
};

/* The registry is shared by the workers: nothing of its JSON is referred to. */
static json_t *show_app(const struct opp_app *record)
{
    return json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o}", "id", record->id, "name", record->name, "scope", record->scope,
                     "org_id", record->org_id, "scopes", json_deep_copy(record->scopes), "policy",
                     json_deep_copy(record->policy));
}

static void make(struct opp_app_view *view, const struct opp_app_entry *app)
{
    const struct opp_app *record = app->record;
    json_int_t max_days = (json_int_t)app->policy.max_days;
    bool workspace = strcmp(record->scope, "workspace") == 0;

    view->actor = json_pack("{s:s?}", "user_id", workspace ? record->service_user_id : record->user_id);
    view->app = show_app(record);
    view->limits = max_days > 0 ? json_pack("{s:I}", "max_days", max_days) : json_object();
    view->boundary = opp_boundary_view(app);
}

static bool is_whole(const struct opp_app_view *view)
{
    return view->actor != NULL && view->app != NULL && view->limits != NULL && view->boundary != NULL;
}

static void clear(struct slot *slot)
{
    json_decref(slot->view.actor);
    json_decref(slot->view.app);
    json_decref(slot->view.limits);
    json_decref(slot->view.boundary);
    *slot = (struct slot){ 0 };
}

enum opp_code opp_app_views_new(const unsigned char gateway_key[OPP_HASH_BYTES], struct opp_app_views **out,
                                struct opp_err *err)
{
    struct opp_app_views *views = calloc(1, sizeof *views);

    if (views == NULL)
        return opp_fail(err, OPP_E_MEMORY, "no memory for views of apps");
    views->gateway_key = gateway_key;
    *out = views;
    return OPP_OK;
}

void opp_app_views_free(struct opp_app_views *views)
{
    for (size_t i = 0; views != NULL && i < SLOTS; i++)
        clear(&views->slots[i]);
    free(views);
}

const struct opp_app_view *opp_app_views_get(struct opp_app_views *views, const struct opp_registry *registry,
                                             const struct opp_app_entry *app)
{
    struct slot *slot = &views->slots[(uintptr_t)app / sizeof *app % SLOTS];
    uint64_t version = opp_registry_version(registry);

    if (slot->app == app && slot->version == version)
        return &slot->view;
    clear(slot);
    make(&slot->view, app);
    opp_redact_app_key(views->gateway_key, app->record->id, slot->view.redact_key);
    if (!is_whole(&slot->view)) {
        clear(slot);
        return NULL;
    }
    slot->app = app;
    slot->version = version;
    return &slot->view;
}
