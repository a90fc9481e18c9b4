/* SPDX-License-Identifier: MIT */
#include "core/execute.h"

#include "base/crash.h"
#include "base/json.h"
#include "base/text.h"
#include "core/evidence.h"
#include "core/gateway.h"
#include "core/hub.h"
#include "core/stranded.h"
#include "store/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS_MAX 3

static struct opp_intent *of(struct opp_call *call)
{
    return call->state;
}

void opp_key_row(char id[OPP_KEY_ROW_MAX], const char *app_id, const char *key)
{
    snprintf(id, OPP_KEY_ROW_MAX, "%s %s", app_id, key);
}

enum opp_code opp_execute_begin(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    struct opp_execution *execution = calloc(1, sizeof *execution);
    const struct opp_draft *draft = intent->draft;
    char id[OPP_ID_MAX];
    bool failed = false;

    if (intent->stranded == NULL)
        intent->stranded = calloc(1, sizeof *intent->stranded);
    if (execution == NULL || intent->stranded == NULL) {
        free(execution);
        return OPP_E_MEMORY;
    }
    opp_id_make(id, "exe_", opp_call_now_ms(call));
    execution->id = opp_text_copy(id, &failed);
    execution->draft_id = opp_text_copy(draft->id, &failed);
    execution->app_id = opp_text_copy(draft->app_id, &failed);
    execution->key_id = opp_text_copy(draft->key_id, &failed);
    execution->actor_user_id = opp_text_copy(draft->actor_user_id, &failed);
    execution->action = opp_text_copy(draft->action, &failed);
    execution->intent_hash = opp_text_copy(draft->intent_hash, &failed);
    execution->database = opp_text_copy(opp_effect_database(intent->tool_call.effect), &failed);
    execution->database_id = opp_text_copy(opp_effect_database_id(intent->tool_call.effect), &failed);
    execution->effect_id = opp_text_copy(intent->effect_id, &failed);
    execution->status = opp_text_copy("pending", &failed);
    execution->created_at = opp_call_now_ms(call);
    execution->idempotency_key = opp_text_copy(draft->idempotency_key, &failed);
    if (failed ||
        opp_effect_receipt(intent->tool_call.effect, &intent->tool_call.input, &execution->receipt, NULL) != OPP_OK) {
        opp_record_free(&OPP_EXECUTION, execution);
        return OPP_E_MEMORY;
    }
    opp_record_free(&OPP_EXECUTION, intent->execution);
    intent->execution = execution;
    return OPP_OK;
}

/* The draft is looked at again where nobody else can change it. */
static enum opp_code still_pending(struct opp_tx *tx, const struct opp_draft *draft, int64_t now_ms,
                                   struct opp_err *err)
{
    void *found = NULL;
    struct opp_draft *now;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT_HEAD, "id", draft->id, &found, err);

    if (rc != OPP_OK)
        return rc;
    now = found;
    if (strcmp(now->status, "draft") != 0 || now->expires_at <= now_ms)
        rc = opp_fail(err, OPP_E_DRAFT_FINAL, "the draft is %s", now->status);
    opp_record_free(&OPP_DRAFT, now);
    return rc;
}

enum opp_code opp_execute_claim(struct opp_call *call, struct opp_tx *tx, bool insert, struct opp_err *err)
{
    static const char *const claimed[] = {
        "status", "confirmed_at",  "updated_at",   "confirmed_by", "approvals",  "approvals_required",
        "review", "justification", "preflight_id", "seal",         "draft_hash", "auto_execute_requested",
        NULL
    };
    struct opp_intent *intent = of(call);
    struct opp_draft *draft = intent->draft;
    int64_t now_ms = opp_call_now_ms(call);
    enum opp_code rc = insert ? OPP_OK : still_pending(tx, draft, now_ms, err);

    if (rc == OPP_OK)
        rc = opp_text_replace(&draft->status, "confirmed");
    if (rc != OPP_OK)
        return rc;
    draft->confirmed_at = draft->updated_at = now_ms;
    rc = insert ? opp_tx_insert(tx, &OPP_DRAFT, draft, err) : opp_tx_update(tx, &OPP_DRAFT, draft, claimed, err);
    opp_crash_point("claim.draft_only");
    if (rc == OPP_OK && !insert)
        rc = opp_tx_pending_add(tx, draft->app_id, -1, err);
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_EXECUTION, intent->execution, err);
    return rc;
}

static void resume(void *arg)
{
    opp_flow_resume(arg);
}

enum opp_step opp_step_apply(struct opp_call *call)
{
    struct opp_intent *intent = of(call);

    json_decref(intent->effect_op.result);
    intent->attempts++;
    intent->effect_op = (struct opp_effect_op){
        .effect = intent->tool_call.effect,
        .action = intent->action,
        .effect_id = intent->execution->effect_id,
        .now_ms = opp_call_now_ms(call),
        .loop = call->worker->loop,
        .upstreams = call->worker->upstreams,
        .session = intent->tool_call.session,
        .input = &intent->tool_call.input,
        .done = resume,
        .arg = call,
    };
    opp_effect_apply(&intent->effect_op);
    return OPP_WAIT;
}

static enum opp_step fail(struct opp_call *call, enum opp_code code, const char *message, const char *reason)
{
    json_t *details = reason != NULL ? json_pack("{s:s, s:s}", "action", of(call)->action, "reason", reason) : NULL;

    return opp_execute_fail(call, code, message, details);
}

static void log_effect(struct opp_call *call, const char *event)
{
    const struct opp_intent *intent = of(call);

    opp_log_event(call->worker->gateway->log, OPP_LOG_ERROR, event, "request_id", call->request_id, "action",
                  intent->action, "execution_id", intent->execution->id, "reason", intent->effect_op.err.message, NULL);
}

/* By rows that were not as it said, or by an upstream. */
static enum opp_step fail_refused(struct opp_call *call)
{
    const char *reason = of(call)->effect_op.reason;

    if (reason == NULL)
        return fail(call, OPP_E_PRECONDITION, "The effect did not find what it expected.", "affected_rows");
    log_effect(call, "effect.refused");
    if (strcmp(reason, "state_changed") == 0)
        return fail(call, OPP_E_PRECONDITION, "The state is not the one that the effect was made for.", reason);
    return fail(call, OPP_E_PRECONDITION, "The system refused the effect.", reason);
}

enum opp_step opp_step_applied(struct opp_call *call)
{
    struct opp_intent *intent = of(call);

    switch (intent->effect_op.rc) {
    case OPP_OK:
        opp_crash_point("effect.committed");
        intent->outcome = OPP_OK;
        return OPP_NEXT;
    case OPP_E_STALE:
        if (intent->attempts >= ATTEMPTS_MAX)
            return fail(call, OPP_E_PRECONDITION, "The state kept changing.", "state_changed");
        opp_flow_goto(call, opp_step_load);
        return OPP_NEXT;
    case OPP_E_PRECONDITION:
        return fail_refused(call);
    case OPP_E_ACTION_INVALID:
        return fail(call, OPP_E_PRECONDITION, "The effect conflicts with what is there.", "conflict");
    case OPP_E_EXECUTION_UNKNOWN:
        log_effect(call, "effect.unknown");
        return fail(call, OPP_E_EXECUTION_UNKNOWN, NULL, "outcome_unknown");
    default:
        log_effect(call, "effect.failed");
        call->retry_after_s = intent->effect_op.retry_after_s;
        return fail(call, OPP_E_EXECUTION_FAILED, NULL, NULL);
    }
}

enum opp_step opp_execute_fail(struct opp_call *call, enum opp_code code, const char *message, json_t *details)
{
    struct opp_intent *intent = of(call);

    intent->outcome = code;
    json_decref(intent->outcome_details);
    intent->outcome_details = details;
    snprintf(intent->outcome_message, sizeof intent->outcome_message, "%s",
             message != NULL ? message : opp_code_message(code));
    opp_flow_goto(call, opp_step_settle);
    return OPP_NEXT;
}

enum opp_code opp_key_expire(struct opp_tx *tx, const struct opp_draft *draft, int64_t at_ms, struct opp_err *err)
{
    static const char *const columns[] = { "expires_at", NULL };
    char id[OPP_KEY_ROW_MAX];
    void *found = NULL;
    struct opp_idempotency *key;
    enum opp_code rc;

    if (draft->idempotency_key == NULL)
        return OPP_OK;
    opp_key_row(id, draft->app_id, draft->idempotency_key);
    rc = opp_tx_get(tx, &OPP_IDEMPOTENCY, "id", id, &found, err);
    if (rc != OPP_OK)
        return rc == OPP_E_ABSENT ? OPP_OK : rc;
    key = found;
    if (strcmp(key->draft_id, draft->id) == 0) {
        key->expires_at = at_ms;
        rc = opp_tx_update(tx, &OPP_IDEMPOTENCY, key, columns, err);
    }
    opp_record_free(&OPP_IDEMPOTENCY, key);
    return rc;
}

static enum opp_code write_draft_end(struct opp_tx *tx, const struct opp_settlement *outcome, struct opp_err *err)
{
    static const char *const columns[] = { "status", "failure", "updated_at", NULL };
    struct opp_draft *draft = outcome->draft;
    enum opp_code rc = opp_text_replace(&draft->status, "failed");

    if (rc != OPP_OK)
        return rc;
    json_decref(draft->failure);
    draft->failure = json_pack("{s:s, s:s?}", "code", opp_code_name(outcome->code), "reason", outcome->reason);
    draft->updated_at = outcome->now_ms;
    return opp_tx_update(tx, &OPP_DRAFT, draft, columns, err);
}

/* The error lends its buffers to say which one: its draft is where, its id the message. */
static enum opp_code blame_unknown(void *arg, void *record, struct opp_err *err)
{
    struct opp_execution *execution = record;
    enum opp_code rc = opp_fail_at(err, OPP_E_EXECUTION_UNKNOWN, execution->draft_id, "%s", execution->id);

    (void)arg;
    opp_record_free(&OPP_EXECUTION, execution);
    return rc;
}

static enum opp_code find_same(struct opp_tx *tx, const char *status, const struct opp_draft *draft,
                               struct opp_err *err)
{
    struct opp_query query = { .record = &OPP_EXECUTION_HEAD, .limit = 1 };

    opp_query_text(&query, "app_id", OPP_EQUAL, draft->app_id);
    opp_query_text(&query, "intent_hash", OPP_EQUAL, draft->intent_hash);
    opp_query_text(&query, "status", OPP_CONSTANT, status);
    return opp_tx_each(tx, &query, blame_unknown, NULL, err);
}

/* Executions that run beside each other are none of another's business; but while one is stranded, a pending one may be
 * that one, and is waited for: it is settled, or unknown, in a moment. */
enum opp_code opp_execute_unblocked(struct opp_tx *tx, const struct opp_draft *draft,
                                    const struct opp_stranded *stranded, struct opp_err *err)
{
    enum opp_code rc = find_same(tx, "unknown", draft, err);

    if (rc != OPP_OK || !opp_stranded_any(stranded))
        return rc;
    rc = find_same(tx, "pending", draft, NULL);
    return rc == OPP_E_EXECUTION_UNKNOWN
               ? opp_fail(err, OPP_E_UNAVAILABLE, "the outcome of the same action is not recorded yet")
               : rc;
}

json_t *opp_execute_blocked(const char *action, const struct opp_err *err)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "action", action, "reason", "outcome_unknown", "unknown", "draftId",
                     err->where, "executionId", err->message);
}

enum opp_code opp_settlement_write(struct opp_tx *tx, const struct opp_settlement *outcome, struct opp_err *err)
{
    static const char *const columns[] = { "status", "result", "error", "resolution", "finished_at", NULL };
    struct opp_execution *execution = outcome->execution;
    bool success = outcome->code == OPP_OK, unknown = outcome->code == OPP_E_EXECUTION_UNKNOWN;
    enum opp_code rc = opp_text_replace(&execution->status, success ? "success" : unknown ? "unknown" : "failed");

    if (rc != OPP_OK)
        return rc;
    json_decref(execution->result);
    json_decref(execution->error);
    execution->result = json_incref(outcome->result);
    execution->error = json_incref(outcome->error);
    execution->resolution = json_incref(outcome->resolution);
    execution->finished_at = outcome->now_ms;
    rc = opp_tx_update(tx, &OPP_EXECUTION, execution, columns, err);
    opp_crash_point("outcome.execution_only");
    if (rc == OPP_OK && !success && !unknown && outcome->draft != NULL)
        rc = write_draft_end(tx, outcome, err);
    if (rc == OPP_OK && !unknown && outcome->draft != NULL)
        rc = opp_key_expire(tx, outcome->draft, outcome->now_ms + outcome->key_lifetime_ms, err);
    return rc;
}

static enum opp_code write_outcome(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_intent *intent = of(call);
    const char *reason = opp_json_text(intent->outcome_details, "reason");
    struct opp_settlement outcome = {
        .draft = intent->draft,
        .execution = intent->execution,
        .code = intent->outcome,
        .result = intent->outcome == OPP_OK ? intent->effect_op.result : NULL,
        .reason = reason,
        .now_ms = opp_call_now_ms(call),
        .key_lifetime_ms = call->worker->gateway->settings.idempotency_lifetime_ms,
    };
    json_t *details = intent->outcome_details != NULL ? json_copy(intent->outcome_details) : json_object();
    enum opp_code rc;

    if (intent->outcome != OPP_OK)
        outcome.error = json_pack("{s:s, s:s, s:s?}", "code", opp_code_name(intent->outcome), "message",
                                  intent->outcome_message, "reason", reason);
    rc = opp_settlement_write(tx, &outcome, err);
    if (rc == OPP_OK && intent->tool_call.rc != OPP_OK && intent->tool_call.refusal.defect) {
        json_decref(details);
        details = json_pack("{s:s}", "defect", intent->tool_call.refusal.message);
    }
    if (rc == OPP_OK)
        rc = opp_evidence_bind_outcome(details, intent->execution, err);
    if (rc == OPP_OK)
        rc = opp_call_audit(call, tx, "agent.action.execute", intent->outcome, details, err);
    json_decref(details);
    json_decref(outcome.error);
    opp_crash_point("outcome.written");
    return rc;
}

enum opp_step opp_step_settle(struct opp_call *call)
{
    call->audit.execution_id = of(call)->execution->id;
    return opp_flow_write_checked(call, write_outcome);
}

/* The claim stands and the effect may have happened: what the caller can safely do is to ask again with its key. */
static enum opp_step settle_failed(struct opp_call *call)
{
    struct opp_intent *intent = of(call);

    opp_log_event(call->worker->gateway->log, OPP_LOG_ERROR, "outcome.unrecorded", "request_id", call->request_id,
                  "execution_id", intent->execution->id, "reason", call->op.err.message, NULL);
    opp_stranded_add(call->worker->gateway->stranded, intent->stranded, intent->execution->id, intent->draft->id);
    intent->stranded = NULL;
    call->audit.action = NULL;
    return opp_call_refuse(call, OPP_E_UNAVAILABLE, NULL,
                           json_pack("{s:s, s:s}", "draftId", intent->draft->id, "executionId", intent->execution->id));
}

enum opp_step opp_step_settled(struct opp_call *call)
{
    struct opp_intent *intent = of(call);
    json_t *details;

    opp_crash_point("outcome.committed");
    opp_hub_notify(call->worker->gateway->hub, intent->draft->id);
    if (call->op.rc != OPP_OK)
        return settle_failed(call);
    if (intent->outcome == OPP_OK)
        return OPP_NEXT;
    call->audit.action = NULL; /* the outcome's own row is written */
    details = intent->outcome_details != NULL ? json_copy(intent->outcome_details) : json_object();
    json_object_set_new(details, "draftId", json_string(intent->draft->id));
    json_object_set_new(details, "executionId", json_string(intent->execution->id));
    return opp_call_refuse(call, intent->outcome, intent->outcome_message, details);
}
