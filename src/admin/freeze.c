/* SPDX-License-Identifier: MIT */
#include "admin/freeze.h"

#include "adapter/tool.h"
#include "admin/change.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"
#include "core/freeze.h"
#include "core/generation.h"
#include "core/guard.h"

#include <stdlib.h>
#include <string.h>

#define FREEZES_MAX 1000 /* in force at a time: each request looks at all of them */

static struct opp_change *of(struct opp_call *call)
{
    return call->state;
}

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

/* What holds for everybody is seen by everybody; what holds for an app, by those who see it. */
static bool sees(const struct opp_admin_token *admin, const struct opp_freeze *freeze)
{
    return !is(freeze->scope, "app") || opp_guard_sees_org(admin, freeze->org_id);
}

static enum opp_step list(struct opp_call *call)
{
    size_t count = 0;
    struct opp_freeze *const *freezes = opp_registry_freezes(call->registry, &count);
    json_t *items = json_array();

    for (size_t i = count; i > 0; i--) /* newest first */
        if (sees(call->admin, freezes[i - 1]) && json_array_append_new(items, opp_freeze_shape(freezes[i - 1])) != 0) {
            json_decref(items);
            return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
        }
    return opp_call_answer(call, json_pack("{s:o, s:n}", "items", items, "nextCursor"));
}

static enum opp_step read_request(struct opp_call *call)
{
    const struct opp_adapters *adapters = opp_generation_adapters(call->generation);
    const char *scope, *id;

    if (opp_call_check_input(call, OPP_SCHEMA_FREEZE) == OPP_DONE)
        return OPP_DONE;
    scope = opp_json_text(call->input, "scope");
    id = opp_json_text(call->input, "id");
    if (!is(scope, "app") && call->admin->org_ids != NULL)
        return opp_change_refuse_limited(call);
    if (is(scope, "tool") && opp_tool_find(adapters, id) == NULL)
        return opp_call_refuse(call, OPP_E_NOT_FOUND, NULL, NULL);
    return OPP_NEXT;
}

static enum opp_code count_others(struct opp_tx *tx, struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_FREEZE };
    int64_t count = 0;
    enum opp_code rc;

    opp_query_number(&query, "lifted_at", OPP_EQUAL, 0);
    rc = opp_tx_count(tx, &query, &count, err);
    if (rc == OPP_OK && count >= FREEZES_MAX)
        return opp_fail_at(err, OPP_E_VALIDATION, "", "%d freezes are in force: lift some first", FREEZES_MAX);
    return rc;
}

static struct opp_freeze *make(struct opp_call *call)
{
    struct opp_freeze *freeze = calloc(1, sizeof *freeze);
    const struct opp_app *app = of(call)->app;
    bool failed = false;
    char id[OPP_ID_MAX];

    if (freeze == NULL)
        return NULL;
    freeze->created_at = opp_call_now_ms(call);
    opp_id_make(id, "frz_", freeze->created_at);
    freeze->id = opp_text_copy(id, &failed);
    freeze->scope = opp_text_copy(opp_json_text(call->input, "scope"), &failed);
    freeze->target = opp_text_copy(opp_json_text(call->input, "id"), &failed);
    freeze->mode = opp_text_copy(opp_json_text(call->input, "mode"), &failed);
    freeze->reason = opp_text_copy(opp_json_text(call->input, "reason"), &failed);
    freeze->created_by = opp_text_copy(call->admin->user_id, &failed);
    freeze->org_id = opp_text_copy(app != NULL ? app->org_id : NULL, &failed);
    if (failed) {
        opp_record_free(&OPP_FREEZE, freeze);
        freeze = NULL;
    }
    return freeze;
}

static enum opp_code record(struct opp_call *call, struct opp_tx *tx, const char *action,
                            const struct opp_freeze *freeze, struct opp_err *err)
{
    struct opp_change *change = of(call);

    change->details = json_pack("{s:s, s:s, s:s?, s:s, s:s}", "freezeId", freeze->id, "scope", freeze->scope,
                                "targetId", freeze->target, "mode", freeze->mode, "reason", freeze->reason);
    return change->details != NULL ? opp_change_record(call, tx, action, err) : OPP_E_MEMORY;
}

static enum opp_code answer_with(struct opp_call *call, const struct opp_freeze *freeze)
{
    json_t *shown = opp_freeze_shape(freeze);

    of(call)->answer = shown != NULL ? json_pack("{s:b, s:o}", "ok", 1, "freeze", shown) : NULL;
    return of(call)->answer != NULL ? OPP_OK : OPP_E_MEMORY;
}

static enum opp_code create(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_freeze *freeze = NULL;
    enum opp_code rc = count_others(tx, err);

    if (rc == OPP_OK && is(opp_json_text(call->input, "scope"), "app"))
        rc = opp_change_find_app(call, tx, opp_json_text(call->input, "id"), err);
    if (rc != OPP_OK)
        return rc;
    freeze = make(call);
    rc = freeze != NULL ? opp_tx_insert(tx, &OPP_FREEZE, freeze, err) : OPP_E_MEMORY;
    if (rc == OPP_OK)
        rc = record(call, tx, "freeze.create", freeze, err);
    if (rc == OPP_OK)
        rc = answer_with(call, freeze);
    opp_record_free(&OPP_FREEZE, freeze);
    return rc;
}

static enum opp_code end(struct opp_call *call, struct opp_tx *tx, struct opp_freeze *freeze, struct opp_err *err)
{
    static const char *const columns[] = { "lifted_by", "lifted_at", NULL };
    enum opp_code rc = opp_text_replace(&freeze->lifted_by, call->admin->user_id);

    freeze->lifted_at = opp_call_now_ms(call);
    if (rc == OPP_OK && is(freeze->scope, "app"))
        rc = opp_change_find_app(call, tx, freeze->target, err);
    if (rc == OPP_OK || rc == OPP_E_ABSENT) /* an app that was deleted since */
        rc = opp_tx_update(tx, &OPP_FREEZE, freeze, columns, err);
    return rc == OPP_OK ? record(call, tx, "freeze.lift", freeze, err) : rc;
}

/* What was lifted before stays as it was, and is answered again. */
static enum opp_code lift(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_FREEZE, "id", call->param(call, "id"), &found, err);
    struct opp_freeze *freeze = found;

    if (rc != OPP_OK)
        return rc;
    if (!sees(call->admin, freeze))
        rc = OPP_E_ABSENT;
    else if (!is(freeze->scope, "app") && call->admin->org_ids != NULL)
        rc = OPP_E_FORBIDDEN;
    else if (freeze->lifted_at == 0)
        rc = end(call, tx, freeze, err);
    if (rc == OPP_OK)
        rc = answer_with(call, freeze);
    opp_record_free(&OPP_FREEZE, freeze);
    return rc;
}

static enum opp_step write_create(struct opp_call *call)
{
    return opp_flow_write(call, create);
}

static enum opp_step write_lift(struct opp_call *call)
{
    return opp_flow_write(call, lift);
}

static enum opp_step lifted(struct opp_call *call)
{
    return call->op.rc == OPP_E_FORBIDDEN ? opp_change_refuse_limited(call) : opp_change_answer(call);
}

static const opp_step_fn LIST_STEPS[] = { list, NULL };
static const opp_step_fn CREATE_STEPS[] = { read_request, write_create, opp_change_answer, NULL };
static const opp_step_fn LIFT_STEPS[] = { write_lift, lifted, NULL };

const struct opp_flow OPP_FLOW_FREEZE_LIST = { LIST_STEPS, 0, NULL, NULL };
const struct opp_flow OPP_FLOW_FREEZE_CREATE = { CREATE_STEPS, sizeof(struct opp_change), opp_change_dispose,
                                                 "freeze.create" };
const struct opp_flow OPP_FLOW_FREEZE_LIFT = { LIFT_STEPS, sizeof(struct opp_change), opp_change_dispose,
                                               "freeze.lift" };
