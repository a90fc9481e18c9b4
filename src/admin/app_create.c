/* SPDX-License-Identifier: MIT */
#include "admin/apps.h"

#include "adapter/tool.h"
#include "admin/change.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/guard.h"
#include "core/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct opp_change *of(struct opp_call *call)
{
    return call->state;
}

/* Who it acts as: inside its organisation as a service user, or as the person whose it is. */
static void fill_tenant(struct opp_call *call, struct opp_app *app, bool *failed)
{
    const char *org_id = opp_call_text(call, "org_id"), *user_id = opp_call_text(call, "user_id");
    const char *service_user_id = opp_call_text(call, "service_user_id");
    char made_up[sizeof "svc_" + 4 * 255]; /* an org_id is at most 255 characters, of at most 4 bytes */

    if (strcmp(app->scope, "workspace") == 0) {
        snprintf(made_up, sizeof made_up, "svc_%s", org_id);
        app->org_id = opp_text_copy(org_id, failed);
        app->user_id = opp_text_copy(user_id, failed);
        app->service_user_id = opp_text_copy(service_user_id != NULL ? service_user_id : made_up, failed);
    } else {
        app->user_id = opp_text_copy(user_id != NULL ? user_id : call->admin->user_id, failed);
    }
}

static enum opp_code fill_app(struct opp_call *call, struct opp_app *app)
{
    json_t *scopes = json_object_get(call->input, "scopes"), *policy = json_object_get(call->input, "policy");
    char id[OPP_ID_MAX];
    bool failed = false;

    app->created_at = app->updated_at = opp_call_now_ms(call);
    opp_id_make(id, "app_", app->created_at);
    app->id = opp_text_copy(id, &failed);
    app->scope = opp_text_copy(opp_json_text(call->input, "scope"), &failed);
    app->status = opp_text_copy("active", &failed);
    app->name = opp_text_copy(opp_json_text(call->input, "name"), &failed);
    app->description = opp_text_copy(opp_call_text(call, "description"), &failed);
    app->created_by = opp_text_copy(call->admin->user_id, &failed);
    if (!failed)
        fill_tenant(call, app, &failed);
    app->scopes = scopes != NULL ? json_incref(scopes) : json_array();
    app->policy = policy != NULL ? json_incref(policy) : json_object();
    return failed || app->scopes == NULL || app->policy == NULL ? OPP_E_MEMORY : OPP_OK;
}

/* why knows the place within the member only. */
static enum opp_code fail_within(const char *member, enum opp_code rc, const struct opp_err *why, struct opp_err *err)
{
    char where[160];

    snprintf(where, sizeof where, "/%s%s", member, why->where);
    return opp_fail_at(err, rc, where, "%s", why->message);
}

/* Shapes were checked by the schema; this checks what a schema cannot say. */
static enum opp_code check_settings(struct opp_call *call, struct opp_app *app, struct opp_err *err)
{
    struct opp_app_policy policy;
    struct opp_err why = { 0 };
    enum opp_code rc = opp_app_policy_read(app->policy, &policy, &why);

    if (rc != OPP_OK)
        return fail_within("policy", rc, &why, err);
    opp_app_policy_clear(&policy);
    rc = opp_auto_execute_merge(NULL, json_object_get(call->input, "auto_execute"), &call->worker->gateway->settings,
                                app->created_at, &app->auto_execute, &why);
    return rc == OPP_OK ? OPP_OK : fail_within("auto_execute", rc, &why, err);
}

static enum opp_code add_key(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    struct opp_err why = { 0 };
    enum opp_code rc = opp_change_add_key(call, tx, json_object_get(call->input, "key"), &why);

    return rc == OPP_OK ? OPP_OK : fail_within("key", rc, &why, err);
}

static bool known_scope(const struct opp_adapters *adapters, const json_t *scope)
{
    size_t index;
    json_t *item;

    for (size_t i = 0; i < opp_tool_count(adapters); i++)
        json_array_foreach(opp_tool_at(adapters, i)->scopes, index, item)
        {
            if (json_equal(item, scope))
                return true;
        }
    return false;
}

/* Scopes that no tool asks for may be of one that comes later: they are taken, and named. */
json_t *opp_scope_warnings(struct opp_call *call, json_t *scopes)
{
    json_t *warnings = json_array(), *scope;
    size_t index;

    json_array_foreach(scopes, index, scope)
    {
        if (!known_scope(opp_generation_adapters(call->generation), scope))
            json_array_append_new(warnings, json_sprintf("no tool asks for the scope %s", json_string_value(scope)));
    }
    return warnings;
}

static enum opp_code create(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_change *change = of(call);
    struct opp_app *app = calloc(1, sizeof *app);
    enum opp_code rc = app != NULL ? fill_app(call, app) : OPP_E_MEMORY;

    opp_record_free(&OPP_APP, change->app);
    change->app = app;
    if (rc == OPP_OK)
        rc = check_settings(call, app, err);
    if (rc == OPP_OK && !opp_guard_sees_org(call->admin, app->org_id))
        rc = opp_fail(err, OPP_E_FORBIDDEN, "The organisation is not one of yours.");
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_APP, app, err);
    if (rc == OPP_OK)
        rc = add_key(call, tx, err);
    if (rc != OPP_OK)
        return rc;
    call->audit.app_id = app->id;
    call->audit.org_id = app->org_id;
    json_decref(change->answer);
    change->answer = json_pack("{s:o, s:o, s:s, s:o}", "app", opp_shape_app(app), "key", opp_shape_key(change->key),
                               "token", change->token, "warnings", opp_scope_warnings(call, app->scopes));
    return change->answer != NULL ? opp_change_record(call, tx, "agent_app.create", err) : OPP_E_MEMORY;
}

static enum opp_step read_body(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_APP_CREATE);
}

static enum opp_step write(struct opp_call *call)
{
    return opp_flow_write(call, create);
}

static const opp_step_fn STEPS[] = { read_body, write, opp_change_answer, NULL };

const struct opp_flow OPP_FLOW_APP_CREATE = { STEPS, sizeof(struct opp_change), opp_change_dispose,
                                              "agent_app.create" };
