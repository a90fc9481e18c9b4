/* SPDX-License-Identifier: MIT */
#include "core/action_state.h"

#include "base/jcs.h"
#include "base/json.h"
#include "core/draft.h"
#include "core/draft_make.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "core/judge.h"
#include "core/moved.h"
#include "core/shape.h"
#include "store/tx.h"

#include <stdio.h>
#include <string.h>

#define RUNNING_WAIT_MS 10000

static struct action *of(struct opp_call *call)
{
    return call->state;
}

/* 1 to 255 printable ASCII characters after trimming. Gives false for anything else. */
static bool trim_key(const char *text, char key[OPP_KEY_MAX + 1])
{
    size_t length;

    text += strspn(text, " \t\r\n");
    length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    if (length > OPP_KEY_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    memcpy(key, text, length);
    key[length] = '\0';
    return true;
}

static enum opp_step read_key(struct opp_call *call)
{
    static const char wanted[] = "must be 1 to 255 printable ASCII characters";
    const char *field = opp_call_text(call, "idempotencyKey"), *header = call->idempotency_header;
    char other[OPP_KEY_MAX + 1] = "";
    struct action *action = of(call);

    if (field != NULL && !trim_key(field, action->key))
        return opp_call_refuse_field(call, OPP_E_VALIDATION, "/idempotencyKey", wanted);
    if (header != NULL && !trim_key(header, other))
        return opp_call_refuse_field(call, OPP_E_VALIDATION, "/headers/Idempotency-Key", wanted);
    if (action->key[0] != '\0' && other[0] != '\0' && strcmp(action->key, other) != 0)
        return opp_call_refuse_field(call, OPP_E_VALIDATION, "/idempotencyKey",
                                     "must be the same as the Idempotency-Key header");
    if (action->key[0] == '\0')
        memcpy(action->key, other, sizeof other);
    return OPP_NEXT;
}

enum opp_step opp_action_read_request(struct opp_call *call)
{
    struct action *action = of(call);
    json_t *payload;

    if (opp_call_check_input(call, OPP_SCHEMA_ACTION) == OPP_DONE || read_key(call) == OPP_DONE)
        return OPP_DONE;
    payload = json_object_get(call->input, "payload");
    action->preflight_id = opp_call_text(call, "preflightId");
    action->intent.phase = OPP_PHASE_ACTION;
    if (payload == NULL && action->preflight_id == NULL)
        return opp_call_refuse_field(call, OPP_E_VALIDATION, "/payload", "is required when there is no preflightId");
    action->request = (struct opp_draft_request){
        .request_id = opp_call_text(call, "requestId"),
        .idempotency_key = action->key[0] != '\0' ? action->key : NULL,
        .justification = opp_call_text(call, "justification"),
        .execute = opp_json_true(call->input, "execute") && !opp_json_true(call->input, "forceDraft"),
    };
    if (opp_intent_set(&action->intent, opp_call_text(call, "action"),
                       payload != NULL ? json_incref(payload) : json_object(), call->app) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return OPP_NEXT;
}

/* Absence is an answer here. */
static enum opp_code find(struct opp_tx *tx, const struct opp_record *record, const char *column, const char *text,
                          void **out, struct opp_err *err)
{
    enum opp_code rc = opp_tx_get(tx, record, column, text, out, err);

    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

static enum opp_code find_held(struct opp_tx *tx, struct action *action, const char *app_id, struct opp_err *err)
{
    char id[OPP_KEY_ROW_MAX];
    void *found = NULL;
    enum opp_code rc;

    if (action->key[0] == '\0')
        return OPP_OK;
    opp_key_row(id, app_id, action->key);
    rc = find(tx, &OPP_IDEMPOTENCY, "id", id, &found, err);
    action->known = found;
    if (rc != OPP_OK || found == NULL)
        return rc;
    found = NULL;
    rc = find(tx, &OPP_DRAFT, "id", action->known->draft_id, &found, err);
    action->found_draft = found;
    if (rc != OPP_OK)
        return rc;
    found = NULL;
    rc = find(tx, &OPP_EXECUTION, "draft_id", action->known->draft_id, &found, err);
    action->found_execution = found;
    return rc;
}

static enum opp_code read_known(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct action *action = of(call);
    void *found = NULL;
    enum opp_code rc = find_held(tx, action, call->app->record->id, err);

    if (rc == OPP_OK && action->preflight_id != NULL) {
        rc = find(tx, &OPP_PREFLIGHT, "id", action->preflight_id, &found, err);
        action->preflight = found;
    }
    return rc;
}

static void forget(struct action *action)
{
    opp_record_free(&OPP_IDEMPOTENCY, action->known);
    opp_record_free(&OPP_DRAFT, action->found_draft);
    opp_record_free(&OPP_EXECUTION, action->found_execution);
    opp_record_free(&OPP_PREFLIGHT, action->preflight);
    if (action->existing) {
        opp_record_free(&OPP_DRAFT, action->intent.draft);
        action->intent.draft = NULL;
    }
    action->known = NULL;
    action->found_draft = NULL;
    action->found_execution = NULL;
    action->preflight = NULL;
    action->previous_execution_id = NULL;
    action->intent.refused = NULL;
    action->existing = action->attached = action->preflight_gone = action->limit_reached = false;
}

enum opp_step opp_action_look_up(struct opp_call *call)
{
    struct action *action = of(call);

    opp_await_again(&action->await);
    forget(action);
    call->audit.draft_id = NULL;                                  /* it was the forgotten record's */
    if (action->key[0] == '\0' && action->preflight_id == NULL) { /* there is nothing to be known */
        call->op.rc = OPP_OK;
        return OPP_NEXT;
    }
    return opp_flow_read(call, read_known);
}

/* A handle counts for the app, key and person it was given to, while it lives. */
static bool usable(struct opp_call *call, const struct opp_preflight *preflight)
{
    return preflight != NULL && strcmp(preflight->app_id, call->app->record->id) == 0 &&
           strcmp(preflight->key_id, call->key->record->id) == 0 &&
           strcmp(preflight->actor_user_id, of(call)->intent.actor_user_id) == 0;
}

static bool names(const char *preflight_id, const char *asked)
{
    return preflight_id != NULL && strcmp(preflight_id, asked) == 0;
}

/* A handle that the key was taken with, or that its draft was completed with, stands for the intent for good. */
static bool same_intent(struct opp_call *call, const struct opp_idempotency *known)
{
    const struct action *action = of(call);

    if (json_object_get(call->input, "payload") != NULL)
        return strcmp(known->intent_hash, action->intent.intent_hash) == 0;
    if (names(known->preflight_id, action->preflight_id) ||
        names(action->found_draft->preflight_id, action->preflight_id))
        return strcmp(action->found_draft->action, action->intent.action) == 0;
    return usable(call, action->preflight) && strcmp(known->intent_hash, action->preflight->intent_hash) == 0;
}

/* Takes reply's contents: data, or bytes. */
static enum opp_step replay(struct opp_call *call, const struct opp_draft *draft, struct opp_reply *reply)
{
    if (reply->bytes.failed) {
        opp_buf_free(&reply->bytes);
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    }
    reply->replayed = true;
    call->audit.action = "agent.action.idempotency_replay";
    call->audit.draft_id = draft->id;
    return opp_call_reply(call, reply);
}

static enum opp_step replay_execution(struct opp_call *call)
{
    const struct action *action = of(call);
    struct opp_draft *draft = action->found_draft;
    struct opp_reply reply = { .code = OPP_OK };

    if (opp_draft_distrust(draft) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    reply.data = json_pack("{s:s, s:b, s:s, s:o, s:{s:s, s:s}}", "status", "executed", "replayed", 1, "code",
                           opp_code_name(OPP_E_REPLAY), "execution",
                           opp_shape_execution(action->found_execution, draft, call->app, action->intent.tool), "draft",
                           "id", draft->id, "status", draft->status);
    return replay(call, draft, &reply);
}

/* The members in the order of their names. */
static void write_draft_answer(struct opp_buf *out, struct opp_call *call, const struct opp_draft *draft, bool fresh)
{
    const struct action *action = of(call);
    enum opp_code code = opp_draft_denied(draft);
    json_t *denied = opp_judge_explain(call->app, action->intent.tool, &action->intent.ruling, code);
    char path[96];

    snprintf(path, sizeof path, "/api/agent-admin/v1/drafts/%s", draft->id);
    opp_buf_char(out, '{');
    opp_jcs_member_json(out, "autoExecuteDenied", denied);
    opp_jcs_member_text(out, "autoExecuteDeniedCode", code != OPP_OK ? opp_code_name(code) : NULL);
    if (action->previous_execution_id != NULL) {
        opp_jcs_member(out, "details");
        opp_buf_char(out, '{');
        opp_jcs_member_text(out, "previousExecutionId", action->previous_execution_id);
        opp_buf_char(out, '}');
    }
    opp_jcs_member(out, "draft");
    opp_shape_write_draft(out, draft);
    if (!fresh)
        opp_jcs_member_bool(out, "replayed", true);
    opp_jcs_member_text(out, "review_path", path);
    opp_jcs_member_text(out, "status", "draft");
    opp_buf_char(out, '}');
    json_decref(denied);
}

/* What is stored is not what was asked for: a person can reject it. */
static enum opp_step refuse_seal(struct opp_call *call, enum opp_code rc)
{
    const struct opp_draft *draft = of(call)->found_draft;

    if (rc != OPP_E_PRECONDITION)
        return opp_call_refuse(call, rc, NULL, NULL);
    return opp_call_refuse(
        call, rc, "The draft's record was changed.",
        json_pack("{s:s, s:s, s:s}", "action", draft->action, "reason", "seal_mismatch", "draftId", draft->id));
}

static enum opp_step replay_draft(struct opp_call *call)
{
    const struct opp_draft *draft = of(call)->found_draft;
    struct opp_reply reply = { .code = OPP_OK };
    enum opp_code rc = opp_draft_check_seal(draft);

    if (rc != OPP_OK)
        return refuse_seal(call, rc);
    write_draft_answer(&reply.bytes, call, draft, false);
    return replay(call, draft, &reply);
}

enum opp_step opp_action_answer_draft(struct opp_call *call, bool fresh)
{
    struct opp_reply reply = { .code = OPP_OK, .replayed = !fresh };

    write_draft_answer(&reply.bytes, call, of(call)->intent.draft, fresh);
    if (reply.bytes.failed) {
        opp_buf_free(&reply.bytes);
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    }
    call->audit.action = NULL;
    return opp_call_reply(call, &reply);
}

/* The first request with this key still runs: what became of it is worth waiting for. */
static enum opp_step wait_running(struct opp_call *call)
{
    struct action *action = of(call);
    struct opp_reply busy = { .code = OPP_E_KEY_BUSY, .retry_after_s = 1 };

    if (action->await.call == NULL) {
        if (opp_await_begin(&action->await, call, action->found_draft->id, RUNNING_WAIT_MS) != OPP_OK)
            return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
        opp_flow_goto(call, opp_action_look_up); /* looked at before the watch began */
        return OPP_NEXT;
    }
    if (!action->await.timed_out && !action->await.gone) {
        opp_flow_goto(call, opp_action_look_up);
        return opp_await(&action->await);
    }
    busy.details =
        json_pack("{s:s, s:s}", "draftId", action->found_draft->id, "executionId", action->found_execution->id);
    return opp_call_reply(call, &busy);
}

static enum opp_step judge_confirmed(struct opp_call *call)
{
    const struct action *action = of(call);
    const char *status = action->found_execution != NULL ? action->found_execution->status : "pending";

    if (strcmp(status, "success") == 0)
        return replay_execution(call);
    if (strcmp(status, "pending") == 0 && action->found_execution != NULL)
        return wait_running(call);
    return opp_call_refuse(call, OPP_E_EXECUTION_UNKNOWN, NULL,
                           json_pack("{s:s, s:s?}", "draftId", action->found_draft->id, "executionId",
                                     action->found_execution != NULL ? action->found_execution->id : NULL));
}

/* A pending draft that is asked to run: that very draft is judged again. */
static enum opp_step judge_pending(struct opp_call *call)
{
    struct action *action = of(call);
    struct opp_intent *intent = &action->intent;
    enum opp_code rc;

    if (opp_draft_overdue(call, action->found_draft)) {
        opp_flow_goto(call, opp_action_look_up);
        return opp_draft_expire_now(call, action->found_draft->id);
    }
    if (!action->request.execute)
        return replay_draft(call);
    rc = opp_draft_check_seal(action->found_draft);
    if (rc != OPP_OK)
        return refuse_seal(call, rc);
    if (opp_intent_set(intent, intent->action, json_incref(action->found_draft->payload), call->app) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    intent->draft = action->found_draft;
    intent->refused = opp_moved_refuse;
    intent->moved.look_again = opp_action_look_up;
    action->found_draft = NULL;
    action->existing = true;
    call->audit.draft_id = intent->draft->id;
    return OPP_NEXT;
}

enum opp_step opp_action_judge_key(struct opp_call *call)
{
    struct action *action = of(call);
    const struct opp_idempotency *known = action->known;

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    if (known == NULL || action->found_draft == NULL)
        return OPP_NEXT;
    if (known->expires_at != 0 && known->expires_at <= opp_call_now_ms(call)) /* taken over as a free one */
        return OPP_NEXT;
    if (!same_intent(call, known))
        return opp_call_refuse(call, OPP_E_KEY_MISMATCH, NULL, NULL);
    if (strcmp(action->found_draft->status, "confirmed") == 0)
        return judge_confirmed(call);
    if (strcmp(action->found_draft->status, "canceled") == 0)
        return replay_draft(call);
    if (strcmp(action->found_draft->status, "draft") == 0)
        return judge_pending(call);
    if (action->found_execution != NULL)
        action->previous_execution_id = action->found_execution->id;
    return OPP_NEXT;
}

/* Without a payload of its own the request is for the handle's; with one, the handle must be of it. */
static enum opp_step attach(struct opp_call *call, const struct opp_preflight *preflight)
{
    struct action *action = of(call);
    bool has_payload = json_object_get(call->input, "payload") != NULL;

    if (!has_payload && !action->existing &&
        opp_intent_set(&action->intent, action->intent.action, json_incref(preflight->payload), call->app) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    action->attached = strcmp(preflight->intent_hash, action->intent.intent_hash) == 0;
    if (action->attached && !action->existing)
        action->intent.asked_at_ms = preflight->created_at;
    return OPP_NEXT;
}

enum opp_step opp_action_attach_preflight(struct opp_call *call)
{
    struct action *action = of(call);
    const struct opp_preflight *preflight = action->preflight;

    action->intent.asked_at_ms = action->existing ? opp_draft_asked_at(action->intent.draft) : 0;
    if (action->preflight_id == NULL)
        return OPP_NEXT;
    if (!usable(call, preflight) || preflight->expires_at <= opp_call_now_ms(call)) {
        action->preflight_gone = action->existing;
        return action->existing ? OPP_NEXT : opp_call_refuse(call, OPP_E_PREFLIGHT_NOT_FOUND, NULL, NULL);
    }
    if (strcmp(preflight->action, action->intent.action) != 0)
        return opp_call_refuse(call, OPP_E_PREFLIGHT_MISMATCH, NULL, NULL);
    return attach(call, preflight);
}
