/* SPDX-License-Identifier: MIT */
#include "core/draft.h"

#include "adapter/tool.h"
#include "base/json.h"
#include "base/text.h"
#include "core/await.h"
#include "core/draft_make.h"
#include "core/evidence.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/guard.h"
#include "core/hub.h"
#include "core/page.h"
#include "core/shape.h"
#include "store/tx.h"

#include <string.h>

struct draft_state {
    struct opp_draft *draft;
    struct opp_execution *execution;
    struct opp_await await;
    struct opp_page page;
};

static struct draft_state *of(struct opp_call *call)
{
    return call->state;
}

static void forget(struct draft_state *state)
{
    opp_record_free(&OPP_DRAFT, state->draft);
    opp_record_free(&OPP_EXECUTION, state->execution);
    state->draft = NULL;
    state->execution = NULL;
}

static void dispose(void *arg)
{
    struct draft_state *state = arg;

    opp_await_end(&state->await);
    opp_page_clear(&state->page);
    forget(state);
}

enum opp_code opp_draft_end(struct opp_tx *tx, struct opp_draft *draft, const struct opp_draft_end *end,
                            struct opp_err *err)
{
    static const char *const columns[] = { "status", "canceled_at", "updated_at", "failure", "review", NULL };
    enum opp_code rc;

    if (strcmp(draft->status, "draft") != 0)
        return opp_fail(err, OPP_E_DRAFT_FINAL, "the draft is %s", draft->status);
    rc = opp_text_replace(&draft->status, end->status);
    if (rc != OPP_OK)
        return rc;
    draft->updated_at = end->now_ms;
    draft->canceled_at = strcmp(end->status, "canceled") == 0 ? end->now_ms : 0;
    json_decref(draft->failure);
    draft->failure = end->failure == OPP_OK
                         ? NULL
                         : json_pack("{s:s, s:s?}", "code", opp_code_name(end->failure), "reason", end->failure_reason);
    if (end->review != NULL) {
        json_decref(draft->review);
        draft->review = json_incref(end->review);
    }
    rc = opp_tx_update(tx, &OPP_DRAFT, draft, columns, err);
    if (rc == OPP_OK)
        rc = opp_tx_pending_add(tx, draft->app_id, -1, err);
    return rc == OPP_OK ? opp_key_expire(tx, draft, end->now_ms + end->key_lifetime_ms, err) : rc;
}

struct end_all {
    struct opp_tx *tx;
    const struct opp_draft_end *end;
};

static enum opp_code end_one(void *arg, void *record, struct opp_err *err)
{
    struct end_all *all = arg;
    enum opp_code rc = opp_draft_end(all->tx, record, all->end, err);

    opp_record_free(&OPP_DRAFT, record);
    return rc;
}

enum opp_code opp_drafts_end_of_key(struct opp_tx *tx, const char *key_id, const struct opp_draft_end *end,
                                    struct opp_err *err)
{
    struct opp_query pending = { .record = &OPP_DRAFT_HEAD };
    struct end_all all = { tx, end };

    opp_query_text(&pending, "key_id", OPP_EQUAL, key_id);
    opp_query_text(&pending, "status", OPP_CONSTANT, "draft");
    return opp_tx_each(tx, &pending, end_one, &all, err);
}

bool opp_draft_overdue(const struct opp_call *call, const struct opp_draft *draft)
{
    return strcmp(draft->status, "draft") == 0 && draft->expires_at <= opp_call_now_ms(call);
}

enum opp_code opp_draft_expire(struct opp_tx *tx, struct opp_draft *draft, struct opp_gateway *gateway,
                               const char *request_id, struct opp_err *err)
{
    struct opp_draft_end end = { .status = "canceled",
                                 .failure = OPP_E_DRAFT_EXPIRED,
                                 .now_ms = opp_clock_now_ms(gateway->clock),
                                 .key_lifetime_ms = gateway->settings.idempotency_lifetime_ms };
    struct opp_audit_event event = { .action = "agent.draft.expire",
                                     .status = "success",
                                     .app_id = draft->app_id,
                                     .org_id = draft->org_id,
                                     .key_id = draft->key_id,
                                     .actor_user_id = draft->actor_user_id,
                                     .request_id = request_id,
                                     .draft_id = draft->id,
                                     .created_at = end.now_ms };
    enum opp_code rc = opp_draft_end(tx, draft, &end, err);

    return rc == OPP_OK ? opp_audit_append(tx, &event, err) : rc;
}

/* The draft that is to expire is named by the path or by what the flow found: the flow says which by audit.draft_id. */
static enum opp_code expire_one(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT_HEAD, "id", call->audit.draft_id, &found, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_draft_expire(tx, found, call->worker->gateway, call->request_id, err);
    opp_record_free(&OPP_DRAFT, found);
    return rc == OPP_E_DRAFT_FINAL ? OPP_OK : rc; /* somebody else ended it */
}

/* Others may wait for the draft too. */
static void expired(void *arg)
{
    struct opp_call *call = arg;

    if (call->op.rc == OPP_OK)
        opp_hub_notify(call->worker->gateway->hub, NULL);
    else
        opp_flow_goto(call, opp_draft_not_expired);
    opp_flow_resume(call);
}

enum opp_step opp_draft_not_expired(struct opp_call *call)
{
    return opp_call_fail(call, call->op.rc, &call->op.err);
}

enum opp_step opp_draft_expire_now(struct opp_call *call, const char *draft_id)
{
    call->audit.draft_id = draft_id;
    return opp_flow_write_then(call, expire_one, expired);
}

/* --- GET drafts/{id} --- */

static enum opp_code find_draft(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct draft_state *state = of(call);
    void *found = NULL;
    enum opp_code rc = opp_tx_get_any(tx, &OPP_DRAFT, "id", call->param(call, "id"), &found, err);

    forget(state);
    if (rc != OPP_OK)
        return rc;
    state->draft = found;
    if (strcmp(state->draft->app_id, call->app->record->id) != 0)
        return OPP_E_ABSENT;
    found = NULL;
    rc = opp_tx_get_any(tx, &OPP_EXECUTION, "draft_id", state->draft->id, &found, err);
    state->execution = found;
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

static enum opp_step begin_wait(struct opp_call *call)
{
    double seconds;

    if (opp_call_check_query(call, OPP_SCHEMA_DRAFT_GET) == OPP_DONE)
        return OPP_DONE;
    seconds = json_number_value(json_object_get(call->input, "wait"));
    if (seconds > 0 &&
        opp_await_begin(&of(call)->await, call, call->param(call, "id"), (int64_t)(seconds * 1000)) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return OPP_NEXT;
}

static enum opp_step look(struct opp_call *call)
{
    opp_await_again(&of(call)->await);
    if (opp_guard_go_on(call) == OPP_DONE)
        return OPP_DONE;
    return opp_flow_read(call, find_draft);
}

static bool is_final(const struct draft_state *state)
{
    if (strcmp(state->draft->status, "draft") == 0)
        return false;
    return state->execution == NULL || strcmp(state->execution->status, "pending") != 0;
}

/* A wait ends with 401 when its key was revoked meanwhile. */
static bool still_allowed(struct opp_call *call)
{
    const struct opp_registry *now = opp_registry_pin(call->worker->gateway->registry);
    const struct opp_key_entry *key = now != NULL ? opp_registry_key(now, call->key->record->token_hash) : NULL;
    bool allowed = key != NULL && key->record->revoked_at == 0 && key->app != NULL && opp_app_alive(key->app->record);

    opp_registry_unpin(now);
    return allowed;
}

static enum opp_step judge(struct opp_call *call)
{
    struct draft_state *state = of(call);
    bool waits = state->await.call != NULL && !state->await.timed_out && !state->await.gone &&
                 !opp_hub_is_closed(call->worker->gateway->hub);

    if (call->op.rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_DRAFT_NOT_FOUND, NULL, NULL);
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    if (state->await.call != NULL && !still_allowed(call))
        return opp_call_refuse(call, OPP_E_TOKEN_INVALID, NULL, NULL);
    if (opp_draft_overdue(call, state->draft)) {
        opp_flow_goto(call, look);
        return opp_draft_expire_now(call, call->param(call, "id"));
    }
    if (waits && !is_final(state)) {
        opp_flow_goto(call, look);
        opp_guard_let_go(call);
        return opp_await(&state->await);
    }
    return OPP_NEXT;
}

static enum opp_step answer(struct opp_call *call)
{
    struct draft_state *state = of(call);
    const struct opp_tool *tool = opp_tool_find(opp_generation_adapters(call->generation), state->draft->action);

    if (opp_draft_distrust(state->draft) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return opp_call_answer(call, json_pack("{s:o, s:o}", "draft", opp_shape_draft(state->draft), "execution",
                                           opp_shape_execution(state->execution, state->draft, call->app, tool)));
}

static const opp_step_fn GET_STEPS[] = { begin_wait, look, judge, answer, opp_draft_not_expired, NULL };
const struct opp_flow OPP_FLOW_DRAFT_GET = { GET_STEPS, sizeof(struct draft_state), dispose, NULL };

/* --- GET drafts --- */

static enum opp_step read_filter(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_DRAFT_LIST);
}

static json_t *shape_item(void *record, struct opp_tx *tx)
{
    (void)tx;
    return opp_draft_distrust(record) == OPP_OK ? opp_shape_draft(record) : NULL;
}

void opp_draft_filter(const struct opp_call *call, struct opp_query *query)
{
    opp_query_text(query, "status", OPP_CONSTANT, opp_call_text(call, "status"));
    opp_query_text(query, "id", OPP_EXECUTED, opp_call_text(call, "executionStatus"));
}

static enum opp_code find_page(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_DRAFT, .damaged_too = true };

    opp_query_text(&query, "app_id", OPP_EQUAL, call->app->record->id);
    opp_draft_filter(call, &query);
    opp_query_text(&query, "idempotency_key", OPP_EQUAL, opp_call_text(call, "idempotencyKey"));
    opp_query_text(&query, "request_id", OPP_EQUAL, opp_call_text(call, "requestId"));
    return opp_page_read(&of(call)->page, call, tx, &query, shape_item, err);
}

static enum opp_step list(struct opp_call *call)
{
    return opp_flow_read(call, find_page);
}

static enum opp_step answer_page(struct opp_call *call)
{
    return opp_page_answer(&of(call)->page, call);
}

static const opp_step_fn LIST_STEPS[] = { read_filter, list, answer_page, NULL };
const struct opp_flow OPP_FLOW_DRAFT_LIST = { LIST_STEPS, sizeof(struct draft_state), dispose, NULL };

/* --- POST drafts/{id}/cancel --- */

static enum opp_step read_cancel(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_DRAFT_CANCEL);
}

static enum opp_code write_cancel(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct draft_state *state = of(call);
    struct opp_draft_end end = { .status = "canceled",
                                 .now_ms = opp_call_now_ms(call),
                                 .key_lifetime_ms = call->worker->gateway->settings.idempotency_lifetime_ms };
    json_t *details;
    enum opp_code rc;

    rc = find_draft(tx, call, err);
    if (rc != OPP_OK)
        return rc;
    end.review =
        json_pack("{s:o, s:s?}", "decided_at", opp_shape_time(end.now_ms), "reason", opp_call_text(call, "reason"));
    rc = opp_draft_end(tx, state->draft, &end, err);
    json_decref(end.review);
    call->audit.draft_id = state->draft->id;
    details = json_object();
    if (rc == OPP_OK)
        rc = opp_evidence_bind_decision(details, state->draft, err);
    if (rc == OPP_OK)
        rc = opp_call_audit(call, tx, "agent.draft.cancel", OPP_OK, details, err);
    json_decref(details);
    return rc;
}

static enum opp_step cancel(struct opp_call *call)
{
    return opp_flow_write(call, write_cancel);
}

static enum opp_step canceled(struct opp_call *call)
{
    struct draft_state *state = of(call);

    if (call->op.rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_DRAFT_NOT_FOUND, NULL, NULL);
    if (call->op.rc == OPP_E_DRAFT_FINAL)
        return opp_call_refuse(call, OPP_E_DRAFT_FINAL, NULL,
                               json_pack("{s:s, s:s}", "draftId", state->draft->id, "status", state->draft->status));
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    opp_hub_notify(call->worker->gateway->hub, state->draft->id);
    if (opp_draft_distrust(state->draft) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return opp_call_answer_recorded(call, json_pack("{s:o, s:n}", "draft", opp_shape_draft(state->draft), "execution"));
}

static const opp_step_fn CANCEL_STEPS[] = { read_cancel, cancel, canceled, NULL };
const struct opp_flow OPP_FLOW_DRAFT_CANCEL = { CANCEL_STEPS, sizeof(struct draft_state), dispose,
                                                "agent.draft.cancel" };
