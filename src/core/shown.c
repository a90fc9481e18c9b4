/* SPDX-License-Identifier: MIT */
#include "core/shown.h"

#include "adapter/tool.h"
#include "base/jcs.h"
#include "base/json.h"
#include "core/app_view.h"
#include "core/intent.h"
#include "core/shape.h"

void opp_shown_fill(struct opp_shown *out, const struct opp_call *call, const struct opp_tool *tool,
                    const struct opp_app *app, enum opp_phase phase)
{
    *out = (struct opp_shown){ .phase = phase,
                               .tool = tool,
                               .app = app,
                               .key_id = call->key != NULL ? call->key->record->id : call->audit.key_id,
                               .key_name = call->key != NULL ? call->key->record->name : NULL,
                               .ip = call->ip,
                               .now_ms = opp_call_now_ms(call) };
}

/* Takes value; false when memory is out. */
static bool put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new_nocheck(object, name, value) == 0;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *show_key(const struct opp_shown *shown)
{
    json_t *key = json_object();

    if (put(key, "id", text_or_null(shown->key_id)) && put(key, "name", text_or_null(shown->key_name)))
        return key;
    json_decref(key);
    return NULL;
}

/* Without json_pack, which takes as long as a small rule: this is done for each decision. */
json_t *opp_shown_json(const struct opp_shown *shown, const struct opp_app_view *view)
{
    json_t *request = view != NULL ? json_object() : NULL;
    bool whole = request != NULL && put(request, "phase", json_string(opp_phase_name(shown->phase)));

    whole = whole && put(request, "tool", json_incref(shown->tool->shown));
    whole = whole && put(request, "app", json_incref(view->app)) && put(request, "key", show_key(shown));
    whole = whole && put(request, "actor", json_incref(view->actor)) && put(request, "ip", text_or_null(shown->ip));
    if (whole && put(request, "now", json_integer((json_int_t)(shown->now_ms / 1000))))
        return request;
    json_decref(request);
    return NULL;
}

static json_t *or_empty(json_t *value)
{
    return value != NULL ? json_incref(value) : json_object();
}

static json_t *show_draft(const struct opp_draft *draft)
{
    json_t *by = json_array(), *approval;
    size_t index;

    json_array_foreach(draft->approvals, index, approval)
    {
        json_array_append(by, json_object_get(approval, "user_id"));
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "id", draft->id, "created_at",
                     (json_int_t)(draft->created_at / 1000), "expires_at", (json_int_t)(draft->expires_at / 1000),
                     "approvals_required", (json_int_t)draft->approvals_required, "approvals_given",
                     (json_int_t)opp_approvals_given(draft), "approved_by", by);
}

static void add(json_t *request, const char *name, json_t *value)
{
    json_object_set_new(request, name, value);
}

/* What the request says, or said when its draft was made. */
static const char *justification_of(const struct opp_call *call, const struct opp_draft *draft)
{
    return draft != NULL && draft->justification != NULL ? draft->justification : opp_call_text(call, "justification");
}

static bool executes(const struct opp_call *call, const struct opp_draft *draft)
{
    return draft != NULL ? draft->auto_execute_requested : opp_json_true(call->input, "execute");
}

static void add_request(json_t *request, const struct opp_call *call, const struct opp_draft *draft)
{
    const char *justification = justification_of(call, draft);

    add(request, "justification", justification != NULL ? json_string(justification) : json_null());
    add(request, "execute", json_boolean(executes(call, draft)));
}

static json_t *show_reviewer(const struct opp_call *call)
{
    return json_pack("{s:s, s:O}", "user_id", call->admin->user_id, "roles", call->admin->roles);
}

void opp_shown_add_intent(json_t *request, const struct opp_call *call, const struct opp_intent *intent,
                          enum opp_phase phase)
{
    const struct opp_tool_call *found = &intent->tool_call;

    add(request, "payload", json_incref(found->input.payload));
    add(request, "resources", found->resources != NULL ? json_incref(found->resources) : json_array());
    if (phase == OPP_PHASE_READ)
        return;
    add(request, "impact", or_empty(found->impact));
    add(request, "state", or_empty(found->state));
    if (phase == OPP_PHASE_PREFLIGHT)
        return;
    add_request(request, call, intent->draft);
    if (phase == OPP_PHASE_ACTION)
        return;
    if (intent->draft != NULL)
        add(request, "draft", show_draft(intent->draft));
    if (phase == OPP_PHASE_APPROVE)
        add(request, "reviewer", show_reviewer(call));
}

/* As show_draft, without the objects: this is done for each execution. */
static void write_draft(struct opp_buf *out, const struct opp_draft *draft)
{
    const json_t *approval;
    size_t index;

    opp_jcs_member(out, "draft");
    opp_buf_char(out, '{');
    opp_jcs_member_integer(out, "approvals_given", opp_approvals_given(draft));
    opp_jcs_member_integer(out, "approvals_required", draft->approvals_required);
    opp_jcs_member(out, "approved_by");
    opp_buf_char(out, '[');
    json_array_foreach(draft->approvals, index, approval)
    {
        if (index > 0)
            opp_buf_char(out, ',');
        opp_jcs_write(out, json_object_get(approval, "user_id"));
    }
    opp_buf_char(out, ']');
    opp_jcs_member_integer(out, "created_at", draft->created_at / 1000);
    opp_jcs_member_integer(out, "expires_at", draft->expires_at / 1000);
    opp_jcs_member_text(out, "id", draft->id);
    opp_buf_char(out, '}');
}

/* Takes value. */
static void write_made(struct opp_buf *out, const char *name, json_t *value)
{
    opp_jcs_member_json(out, name, value);
    json_decref(value);
}

static void write_value(struct opp_buf *out, const char *name, const json_t *value, const char *otherwise)
{
    opp_jcs_member(out, name);
    if (value != NULL)
        opp_jcs_write(out, value);
    else
        opp_buf_text(out, otherwise);
}

void opp_shown_write_intent(struct opp_buf *out, const struct opp_call *call, const struct opp_intent *intent,
                            enum opp_phase phase)
{
    const struct opp_tool_call *found = &intent->tool_call;
    const struct opp_draft *draft = intent->draft;

    write_value(out, "payload", found->input.payload, "{}");
    write_value(out, "resources", found->resources, "[]");
    if (phase == OPP_PHASE_READ)
        return;
    write_value(out, "impact", found->impact, "{}");
    write_value(out, "state", found->state, "{}");
    if (phase == OPP_PHASE_PREFLIGHT)
        return;
    opp_jcs_member_text(out, "justification", justification_of(call, draft));
    opp_jcs_member_bool(out, "execute", executes(call, draft));
    if (phase != OPP_PHASE_ACTION && draft != NULL)
        write_draft(out, draft);
    if (phase == OPP_PHASE_APPROVE)
        write_made(out, "reviewer", show_reviewer(call));
}
