/* SPDX-License-Identifier: MIT */
#include "admin/apps.h"

#include "admin/change.h"
#include "base/json.h"
#include "base/text.h"
#include "core/gateway.h"
#include "core/shape.h"

#include <string.h>

static struct opp_change *of(struct opp_call *call)
{
    return call->state;
}

/* Every change of one app: find it, change it, store the columns, record it. */
static enum opp_code store_app(struct opp_call *call, struct opp_tx *tx, const char *const *columns, const char *action,
                               struct opp_err *err)
{
    struct opp_change *change = of(call);
    enum opp_code rc;

    change->app->updated_at = opp_call_now_ms(call);
    rc = opp_tx_update(tx, &OPP_APP, change->app, columns, err);
    return rc == OPP_OK ? opp_change_record(call, tx, action, err) : rc;
}

static enum opp_code find(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    return opp_change_find_app(call, tx, call->param(call, "id"), err);
}

static enum opp_code answer_with(struct opp_call *call, json_t *answer)
{
    struct opp_change *change = of(call);

    json_decref(change->answer);
    change->answer = answer;
    return answer != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_code patch(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "name", "description", "scopes", "updated_at", NULL };
    struct opp_call *call = arg;
    json_t *scopes = json_object_get(call->input, "scopes");
    enum opp_code rc = find(call, tx, err);
    struct opp_app *app = of(call)->app;

    if (rc == OPP_OK && opp_json_text(call->input, "name") != NULL)
        rc = opp_text_replace(&app->name, opp_json_text(call->input, "name"));
    if (rc == OPP_OK && opp_json_text(call->input, "description") != NULL)
        rc = opp_text_replace(&app->description, opp_json_text(call->input, "description"));
    if (rc == OPP_OK && scopes != NULL) {
        json_decref(app->scopes);
        app->scopes = json_incref(scopes);
    }
    if (rc == OPP_OK)
        rc = store_app(call, tx, columns, "agent_app.update", err);
    if (rc != OPP_OK)
        return rc;
    return answer_with(call, json_pack("{s:b, s:o, s:o}", "ok", 1, "app", opp_shape_app(app), "warnings",
                                       opp_scope_warnings(call, scopes)));
}

static enum opp_code set_policy(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "policy", "updated_at", NULL };
    struct opp_call *call = arg;
    struct opp_app_policy parsed;
    enum opp_code rc = opp_app_policy_read(call->input, &parsed, err);

    if (rc != OPP_OK)
        return rc;
    opp_app_policy_clear(&parsed);
    rc = find(call, tx, err);
    if (rc != OPP_OK)
        return rc;
    json_decref(of(call)->app->policy);
    of(call)->app->policy = json_incref(call->input);
    rc = store_app(call, tx, columns, "agent_app.policy.update", err);
    return rc == OPP_OK ? answer_with(call, json_pack("{s:b, s:O}", "ok", 1, "policy", call->input)) : rc;
}

static enum opp_code set_auto_execute(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "auto_execute", "updated_at", NULL };
    struct opp_call *call = arg;
    json_t *merged = NULL;
    enum opp_code rc = find(call, tx, err);

    if (rc == OPP_OK)
        rc = opp_auto_execute_merge(of(call)->app->auto_execute, call->input, &call->worker->gateway->settings,
                                    opp_call_now_ms(call), &merged, err);
    if (rc != OPP_OK)
        return rc;
    json_decref(of(call)->app->auto_execute);
    of(call)->app->auto_execute = merged;
    rc = store_app(call, tx, columns, "agent_app.auto_execute.update", err);
    return rc == OPP_OK ? answer_with(call, json_pack("{s:b, s:O}", "ok", 1, "auto_execute", merged)) : rc;
}

/* Nothing of it may run by itself any more, also after it is restored. */
static enum opp_code shut_windows(struct opp_call *call, struct opp_app *app, struct opp_err *err)
{
    json_t *merged = NULL;
    enum opp_code rc =
        opp_auto_execute_merge(NULL, NULL, &call->worker->gateway->settings, opp_call_now_ms(call), &merged, err);

    if (rc != OPP_OK)
        return rc;
    json_decref(app->auto_execute);
    app->auto_execute = merged;
    return OPP_OK;
}

static enum opp_code revoke(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "status", "auto_execute", "updated_at", NULL };
    struct opp_call *call = arg;
    enum opp_code rc = find(call, tx, err);

    if (rc == OPP_OK)
        rc = opp_text_replace(&of(call)->app->status, "revoked");
    if (rc == OPP_OK)
        rc = shut_windows(call, of(call)->app, err);
    if (rc == OPP_OK)
        rc = opp_change_revoke_keys(call, tx, of(call)->app->id, err);
    if (rc == OPP_OK)
        rc = store_app(call, tx, columns, "agent_app.revoke", err);
    return rc == OPP_OK ? answer_with(call, json_pack("{s:b, s:o}", "ok", 1, "app", opp_shape_app(of(call)->app))) : rc;
}

static enum opp_code restore(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "status", "updated_at", NULL };
    struct opp_call *call = arg;
    enum opp_code rc = find(call, tx, err);

    if (rc == OPP_OK)
        rc = opp_text_replace(&of(call)->app->status, "active");
    if (rc == OPP_OK)
        rc = store_app(call, tx, columns, "agent_app.restore", err);
    return rc == OPP_OK ? answer_with(call, json_pack("{s:b, s:o}", "ok", 1, "app", opp_shape_app(of(call)->app))) : rc;
}

static enum opp_code hide(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "deleted_at", "updated_at", NULL };
    struct opp_call *call = arg;
    enum opp_code rc = find(call, tx, err);
    int64_t pending = 0;

    if (rc == OPP_OK)
        rc = opp_tx_pending(tx, of(call)->app->id, &pending, err);
    if (rc != OPP_OK)
        return rc;
    if (strcmp(of(call)->app->status, "revoked") != 0)
        return opp_fail_at(err, OPP_E_VALIDATION, "/id", "must be a revoked app");
    if (pending > 0)
        return opp_fail_at(err, OPP_E_VALIDATION, "/id", "must have no pending drafts");
    of(call)->app->deleted_at = opp_call_now_ms(call);
    rc = store_app(call, tx, columns, "agent_app.delete", err);
    return rc == OPP_OK ? answer_with(call, json_pack("{s:b, s:{s:s, s:b}}", "ok", 1, "app", "id", of(call)->app->id,
                                                      "deleted", 1))
                        : rc;
}

static enum opp_step read_patch(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_APP_PATCH);
}

static enum opp_step read_policy(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_APP_POLICY);
}

static enum opp_step read_auto_execute(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_AUTO_EXECUTE);
}

#define WRITE_STEP(name, transaction)                \
    static enum opp_step name(struct opp_call *call) \
    {                                                \
        return opp_flow_write(call, transaction);    \
    }
WRITE_STEP(write_patch, patch)
WRITE_STEP(write_policy, set_policy)
WRITE_STEP(write_auto_execute, set_auto_execute)
WRITE_STEP(write_revoke, revoke)
WRITE_STEP(write_restore, restore)
WRITE_STEP(write_hide, hide)

#define CHANGE(flow, steps, action) \
    const struct opp_flow flow = { steps, sizeof(struct opp_change), opp_change_dispose, action }

static const opp_step_fn PATCH_STEPS[] = { read_patch, write_patch, opp_change_answer, NULL };
static const opp_step_fn POLICY_STEPS[] = { read_policy, write_policy, opp_change_answer, NULL };
static const opp_step_fn AUTO_EXECUTE_STEPS[] = { read_auto_execute, write_auto_execute, opp_change_answer, NULL };
static const opp_step_fn REVOKE_STEPS[] = { write_revoke, opp_change_answer, NULL };
static const opp_step_fn RESTORE_STEPS[] = { write_restore, opp_change_answer, NULL };
static const opp_step_fn HIDE_STEPS[] = { write_hide, opp_change_answer, NULL };

CHANGE(OPP_FLOW_APP_PATCH, PATCH_STEPS, "agent_app.update");
CHANGE(OPP_FLOW_APP_POLICY, POLICY_STEPS, "agent_app.policy.update");
CHANGE(OPP_FLOW_APP_AUTO_EXECUTE, AUTO_EXECUTE_STEPS, "agent_app.auto_execute.update");
CHANGE(OPP_FLOW_APP_REVOKE, REVOKE_STEPS, "agent_app.revoke");
CHANGE(OPP_FLOW_APP_RESTORE, RESTORE_STEPS, "agent_app.restore");
CHANGE(OPP_FLOW_APP_DELETE, HIDE_STEPS, "agent_app.delete");
