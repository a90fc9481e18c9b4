/* SPDX-License-Identifier: MIT */
#include "core/shape.h"

#include "adapter/tool.h"
#include "base/date.h"
#include "base/jcs.h"
#include "base/json.h"
#include "core/redact.h"

#include <string.h>

json_t *opp_shape_time(int64_t ms)
{
    char text[OPP_DATE_MAX];

    if (ms == 0)
        return json_null();
    opp_date_format(ms, text);
    return json_string(text);
}

static json_t *or_null(json_t *value)
{
    return value != NULL ? json_incref(value) : json_null();
}

static json_t *or_empty(json_t *list)
{
    return list != NULL ? json_incref(list) : json_array();
}

json_t *opp_shape_app(const struct opp_app *app)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:O, s:O, s:O, s:s?, s:o, s:o}", "id", app->id,
                     "scope", app->scope, "status", app->status, "name", app->name, "description", app->description,
                     "user_id", app->user_id, "org_id", app->org_id, "service_user_id", app->service_user_id, "scopes",
                     app->scopes, "policy", app->policy, "auto_execute", app->auto_execute, "created_by",
                     app->created_by, "created_at", opp_shape_time(app->created_at), "updated_at",
                     opp_shape_time(app->updated_at));
}

json_t *opp_shape_key(const struct opp_key *key)
{
    return json_pack("{s:s, s:s?, s:s, s:o, s:o, s:o, s:o}", "id", key->id, "name", key->name, "token_prefix",
                     key->token_prefix, "last_used_at", opp_shape_time(key->last_used_at), "expires_at",
                     opp_shape_time(key->expires_at), "revoked_at", opp_shape_time(key->revoked_at), "created_at",
                     opp_shape_time(key->created_at));
}

json_t *opp_shape_admin_token(const struct opp_admin_token *token)
{
    return json_pack("{s:s, s:s, s:s?, s:O, s:o, s:s, s:o, s:o, s:o, s:o}", "id", token->id, "user_id", token->user_id,
                     "name", token->name, "roles", token->roles, "org_ids", or_null(token->org_ids), "token_prefix",
                     token->token_prefix, "expires_at", opp_shape_time(token->expires_at), "last_used_at",
                     opp_shape_time(token->last_used_at), "revoked_at", opp_shape_time(token->revoked_at), "created_at",
                     opp_shape_time(token->created_at));
}

static bool says(const json_t *approval, const char *field, const char *text)
{
    const char *said = opp_json_text(approval, field);

    return said != NULL && strcmp(said, text) == 0;
}

/* Approvals are of a seal: those of an older one have lapsed. The same person counts once. */
int64_t opp_approvals_given(const struct opp_draft *draft)
{
    int64_t given = 0;
    size_t index, earlier;
    json_t *approval;

    json_array_foreach(draft->approvals, index, approval)
    {
        const char *user = opp_json_text(approval, "user_id");
        bool counts = user != NULL && says(approval, "seal", draft->seal);

        for (earlier = 0; counts && earlier < index; earlier++) {
            const json_t *other = json_array_get(draft->approvals, earlier);

            counts = !says(other, "user_id", user) || !says(other, "seal", draft->seal);
        }
        given += counts ? 1 : 0;
    }
    return given;
}

json_t *opp_shape_approvals(const struct opp_draft *draft)
{
    return json_pack("{s:I, s:I}", "required", (json_int_t)draft->approvals_required, "given",
                     (json_int_t)opp_approvals_given(draft));
}

void opp_shape_member_time(struct opp_buf *out, const char *name, int64_t ms)
{
    char text[OPP_DATE_MAX];

    if (ms != 0)
        opp_date_format(ms, text);
    opp_jcs_member_text(out, name, ms != 0 ? text : NULL);
}

/* Of object, where there is one, the named members: they end with NULL and are in order. */
static void member_part(struct opp_buf *out, const char *name, const json_t *object, const char *const *members)
{
    opp_jcs_member(out, name);
    if (object == NULL) {
        opp_buf_add(out, "null", 4);
        return;
    }
    opp_buf_char(out, '{');
    for (; *members != NULL; members++)
        opp_jcs_member_json(out, *members, json_object_get(object, *members));
    opp_buf_char(out, '}');
}

static void member_approvals(struct opp_buf *out, const struct opp_draft *draft)
{
    opp_jcs_member(out, "approvals");
    opp_buf_char(out, '{');
    opp_jcs_member_integer(out, "given", opp_approvals_given(draft));
    opp_jcs_member_integer(out, "required", draft->approvals_required);
    opp_buf_char(out, '}');
}

/* The rules' reasons were written for the agent; their names were not. */
static void member_policy(struct opp_buf *out, const json_t *policy)
{
    bool first = true;
    size_t index;
    json_t *item;

    opp_jcs_member(out, "policy");
    opp_buf_char(out, '{');
    opp_jcs_member_json(out, "generation", json_object_get(policy, "generation"));
    opp_jcs_member_json(out, "profile", json_object_get(policy, "profile"));
    opp_jcs_member(out, "reasons");
    opp_buf_char(out, '[');
    json_array_foreach(json_object_get(policy, "reasons"), index, item)
    {
        const char *reason = opp_json_text(item, "reason");

        if (reason == NULL || reason[0] == '\0')
            continue;
        if (!first)
            opp_buf_char(out, ',');
        first = false;
        opp_jcs_string(out, reason, strlen(reason));
    }
    opp_buf_text(out, "]}");
}

void opp_shape_write_draft(struct opp_buf *out, const struct opp_draft *draft)
{
    static const char *const review[] = { "decided_at", "reason", NULL }; /* notes among people stay inside */

    opp_buf_char(out, '{');
    opp_jcs_member_text(out, "action_type", draft->action);
    opp_jcs_member_text(out, "app_id", draft->app_id);
    member_approvals(out, draft);
    opp_jcs_member_bool(out, "auto_execute_requested", draft->auto_execute_requested);
    opp_shape_member_time(out, "canceled_at", draft->canceled_at);
    opp_shape_member_time(out, "confirmed_at", draft->confirmed_at);
    opp_shape_member_time(out, "created_at", draft->created_at);
    opp_shape_member_time(out, "expires_at", draft->expires_at);
    opp_jcs_member_json(out, "failure", draft->failure);
    opp_jcs_member_text(out, "id", draft->id);
    opp_jcs_member_text(out, "justification", draft->justification);
    opp_jcs_member_text(out, "key_id", draft->key_id);
    opp_jcs_member_json(out, "payload", draft->payload);
    member_policy(out, draft->policy);
    opp_jcs_member_text(out, "preflight_hash", draft->impact_hash);
    opp_jcs_member_text(out, "preflight_state_witness_hash", draft->witness_hash);
    opp_jcs_member_text(out, "request_id", draft->request_id);
    opp_jcs_member_bool(out, "requires_confirmation", draft->requires_confirmation);
    member_part(out, "review", draft->review, review);
    opp_jcs_member_text(out, "seal", draft->seal);
    opp_jcs_member_text(out, "status", draft->status);
    opp_shape_member_time(out, "updated_at", draft->updated_at);
    opp_buf_char(out, '}');
}

/* What is known of a draft without its JSON. */
static json_t *shape_damaged(const struct opp_draft *draft)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:b}", "id", draft->id, "app_id",
                     draft->app_id, "key_id", draft->key_id, "action_type", draft->action, "status", draft->status,
                     "requires_confirmation", draft->requires_confirmation, "auto_execute_requested",
                     draft->auto_execute_requested, "created_at", opp_shape_time(draft->created_at), "updated_at",
                     opp_shape_time(draft->updated_at), "confirmed_at", opp_shape_time(draft->confirmed_at),
                     "canceled_at", opp_shape_time(draft->canceled_at), "expires_at", opp_shape_time(draft->expires_at),
                     "damaged", 1);
}

json_t *opp_shape_draft(const struct opp_draft *draft)
{
    struct opp_buf text = { 0 };
    json_t *shown = NULL;

    if (draft->damaged)
        return shape_damaged(draft);
    opp_shape_write_draft(&text, draft);
    if (!text.failed && opp_json_read(text.bytes, text.length, &shown) != OPP_OK)
        shown = NULL;
    opp_buf_free(&text);
    return shown;
}

static json_t *show_execution(const struct opp_execution *execution, json_t *result)
{
    return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:o, s:o, s:o, s:o*}", "id", execution->id, "draft_id",
                     execution->draft_id, "app_id", execution->app_id, "idempotency_key", execution->idempotency_key,
                     "status", execution->status, "result", result, "error", or_null(execution->error), "created_at",
                     opp_shape_time(execution->created_at), "damaged", execution->damaged ? json_true() : NULL);
}

/* What is inside an export's text has no names to be redacted by: one that was made in full is not shown any more. */
static bool shown_at_all(const struct opp_draft *draft, const struct opp_app_entry *app, const struct opp_tool *tool)
{
    const json_t *redact = json_object_get(draft->policy, "redact");

    if (draft->damaged) /* what its rules redact is not known */
        return false;
    if (app->policy.allow_sensitive_fields)
        return tool != NULL || json_array_size(redact) == 0;
    if (tool == NULL) /* what was sensitive is not known any more */
        return false;
    return !tool->exports || json_is_false(json_object_get(draft->policy, "sensitive"));
}

json_t *opp_shape_execution(const struct opp_execution *execution, const struct opp_draft *draft,
                            const struct opp_app_entry *app, const struct opp_tool *tool)
{
    json_t *fields, *result = NULL;

    if (execution == NULL)
        return json_null();
    if (execution->result == NULL || !shown_at_all(draft, app, tool))
        return show_execution(execution, json_null());
    if (tool == NULL)
        return show_execution(execution, json_incref(execution->result));
    fields = opp_redact_fields(app, tool, json_object_get(draft->policy, "redact"));
    if (fields == NULL || opp_redact(execution->result, fields, OPP_REDACT_RESULT, NULL, &result, NULL) != OPP_OK)
        result = NULL;
    json_decref(fields);
    return result != NULL ? show_execution(execution, result) : NULL;
}

json_t *opp_shape_admin_execution(const struct opp_execution *execution)
{
    json_t *shown;

    if (execution == NULL)
        return json_null();
    shown = show_execution(execution, or_null(execution->result));
    if (shown != NULL && execution->resolution != NULL &&
        json_object_set(shown, "resolution", execution->resolution) != 0) {
        json_decref(shown);
        return NULL;
    }
    return shown;
}

json_t *opp_shape_admin_draft(const struct opp_draft *draft)
{
    json_t *shown = opp_shape_draft(draft), *added;

    if (draft->damaged)
        return shown;
    added = json_pack("{s:s, s:s?, s:s?, s:o, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:o}", "actor_user_id",
                      draft->actor_user_id, "request_id", draft->request_id, "idempotency_key", draft->idempotency_key,
                      "preflight", or_null(draft->impact), "preflight_state_witness", or_null(draft->witness),
                      "policy_snapshot", or_null(draft->policy), "confirmed_by_user_id", draft->confirmed_by,
                      "resources", or_empty(draft->resources), "effect", or_null(draft->effect), "approval_list",
                      or_empty(draft->approvals), "decisions", or_empty(draft->decisions), "review",
                      or_null(draft->review));

    if (json_object_update(shown, added) != 0) {
        json_decref(shown);
        shown = NULL;
    }
    json_decref(added);
    return shown;
}

json_t *opp_shape_admin_draft_item(const struct opp_draft *draft, const struct opp_execution *execution)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:o*}", "id", draft->id,
                     "app_id", draft->app_id, "action_type", draft->action, "status", draft->status,
                     "requires_confirmation", draft->requires_confirmation, "auto_execute_requested",
                     draft->auto_execute_requested, "created_at", opp_shape_time(draft->created_at), "updated_at",
                     opp_shape_time(draft->updated_at), "confirmed_at", opp_shape_time(draft->confirmed_at),
                     "canceled_at", opp_shape_time(draft->canceled_at), "execution",
                     opp_shape_admin_execution(execution), "summary", opp_json_text(draft->impact, "summary"),
                     "approvals", opp_shape_approvals(draft), "expires_at", opp_shape_time(draft->expires_at),
                     "damaged", draft->damaged ? json_true() : NULL);
}
