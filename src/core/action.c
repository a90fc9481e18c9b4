/* SPDX-License-Identifier: MIT */
#include "core/action.h"

#include "base/crash.h"
#include "core/action_state.h"
#include "core/draft.h"
#include "core/evidence.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "core/guard.h"
#include "core/hub.h"
#include "core/judge.h"
#include "core/moved.h"
#include "core/rules.h"
#include "core/shape.h"
#include "core/told.h"
#include "store/tx.h"

#include <stdio.h>
#include <string.h>

#define REJUDGED_MAX 5
#define LOOKED_UP_MAX 20   /* others may take a key that is free again and fail, one after the other */
#define PENDING_RETRY_S 60 /* people decide, and drafts expire: in seconds nothing will have changed */

static struct action *of(struct opp_call *call)
{
    return call->state;
}

/* What the request witnessed is wrong, not the draft that its key may hold: that one stays. (Nothing is claimed yet:
 * what is judged again after a claim has been compared with its draft.) */
static enum opp_step refuse_witness(struct opp_call *call, const char *message, const char *reason)
{
    return opp_call_refuse(call, OPP_E_PRECONDITION, message,
                           json_pack("{s:s, s:s}", "action", of(call)->intent.action, "reason", reason));
}

/* A witness or handle binds the request to a state; where it differs, nothing is stored. */
static enum opp_step check_witness(struct opp_call *call)
{
    struct action *action = of(call);
    const struct opp_intent *intent = &action->intent;
    const char *asked = opp_call_text(call, "stateWitnessHash");
    const struct opp_preflight *preflight = action->attached ? action->preflight : NULL;

    if (asked != NULL && intent->witness_hash[0] == '\0')
        return refuse_witness(call, "This action has no state to witness.", "state_witness_unsupported");
    if (asked != NULL && strcmp(asked, intent->witness_hash) != 0)
        return refuse_witness(call, "The state is not the one that was witnessed.", "state_witness_mismatch");
    if (preflight != NULL && preflight->witness_hash != NULL &&
        strcmp(preflight->witness_hash, intent->witness_hash) != 0)
        return refuse_witness(call, "The state has changed since the preflight.", "state_witness_mismatch");
    return OPP_NEXT;
}

static void know_safeguards(struct opp_call *call, struct opp_safeguards *have)
{
    const struct action *action = of(call);
    const struct opp_intent *intent = &action->intent;
    const char *hash = opp_call_text(call, "preflightHash");
    bool handle_same = action->attached && strcmp(action->preflight->impact_hash, intent->impact_hash) == 0;

    have->justification =
        action->request.justification != NULL || (intent->draft != NULL && intent->draft->justification != NULL);
    have->idempotency_key = action->key[0] != '\0';
    have->preflight = handle_same || (hash != NULL && strcmp(hash, intent->impact_hash) == 0);
    have->preflight_mismatch = (action->preflight_id != NULL && !action->preflight_gone && !handle_same) ||
                               (hash != NULL && strcmp(hash, intent->impact_hash) != 0);
    have->preflight_gone = action->preflight_gone;
    have->witness = opp_call_text(call, "stateWitnessHash") != NULL ||
                    (action->attached && action->preflight->witness_hash != NULL);
    /* Nor can windows be judged while the clock is behind what is on record: then a person decides. */
    have->limit_reached = action->limit_reached || opp_clock_behind(call->worker->gateway->clock);
}

/* The rules' last word before a claim; if they want a person now, it stays a draft. */
static enum opp_step judge_execution(struct opp_call *call)
{
    struct action *action = of(call);
    struct opp_intent *intent = &action->intent;
    enum opp_step step = opp_rules_judge(call, OPP_PHASE_EXECUTE);

    if (step == OPP_DONE || (intent->ruling.outcome == OPP_OUTCOME_ALLOW && intent->ruling.approvals == 0))
        return step;
    action->runs = false;
    action->request.denied = OPP_E_AUTO_DENIED;
    intent->draft->approvals_required = opp_rules_approvals(&intent->ruling, intent->draft->approvals_required);
    opp_draft_set_denied(intent->draft, OPP_E_AUTO_DENIED);
    return OPP_NEXT;
}

static enum opp_step decide_mode(struct opp_call *call)
{
    struct action *action = of(call);
    struct opp_intent *intent = &action->intent;
    struct opp_safeguards have;
    enum opp_code rc;

    if (intent->execution != NULL) {
        opp_told_settle(call, NULL);
        return OPP_NEXT; /* claimed: judged before, and compared since */
    }
    know_safeguards(call, &have);
    opp_told_settle(call, &have);
    action->request.denied = OPP_OK;
    if (action->request.execute)
        action->request.denied = opp_judge(intent->app, intent->tool, &intent->ruling, &have, opp_call_now_ms(call));
    action->runs = action->request.execute && action->request.denied == OPP_OK;
    action->request.preflight_id = action->attached ? action->preflight_id : NULL;
    if (action->existing)
        rc = opp_draft_complete(intent->draft, &action->request);
    else
        rc = opp_draft_make(call, &action->request);
    if (rc == OPP_OK && action->existing)
        opp_draft_set_denied(intent->draft, action->request.denied);
    if (rc == OPP_OK && action->runs) {
        enum opp_step step = judge_execution(call);

        if (step == OPP_DONE)
            return step;
    }
    if (rc == OPP_OK && action->runs)
        rc = opp_execute_begin(call);
    if (rc != OPP_OK)
        return opp_call_refuse(call, rc, NULL, NULL);
    action->claiming = action->runs;
    return OPP_NEXT;
}

/* Where nobody else writes: is the key still what was seen? */
static enum opp_code check_key(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    const struct action *action = of(call);
    struct opp_idempotency *row = NULL;
    void *found = NULL;
    char id[OPP_KEY_ROW_MAX];
    enum opp_code rc;
    bool same;

    if (action->key[0] == '\0')
        return OPP_OK;
    opp_key_row(id, action->intent.app->record->id, action->key);
    rc = opp_tx_get(tx, &OPP_IDEMPOTENCY, "id", id, &found, err);
    if (rc == OPP_E_ABSENT)
        return action->known == NULL ? OPP_OK : OPP_E_EXISTS;
    if (rc != OPP_OK)
        return rc;
    row = found;
    same = action->known != NULL && strcmp(row->draft_id, action->known->draft_id) == 0;
    opp_record_free(&OPP_IDEMPOTENCY, row);
    return same ? rc : opp_fail(err, OPP_E_EXISTS, "the key was taken meanwhile");
}

/* A key that is still known was free again: the new draft takes it. */
static enum opp_code take_key(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    static const char *const columns[] = {
        "intent_hash", "draft_id", "preflight_id", "previous_execution_id", "created_at", "expires_at", NULL
    };
    struct action *action = of(call);
    const struct opp_draft *draft = action->intent.draft;
    char id[OPP_KEY_ROW_MAX];
    struct opp_idempotency row = { .id = id,
                                   .intent_hash = action->intent.intent_hash,
                                   .draft_id = draft->id,
                                   .preflight_id = draft->preflight_id,
                                   .previous_execution_id = action->previous_execution_id,
                                   .created_at = draft->created_at };

    if (action->key[0] == '\0' || action->existing)
        return OPP_OK;
    opp_key_row(id, draft->app_id, action->key);
    return action->known != NULL ? opp_tx_update(tx, &OPP_IDEMPOTENCY, &row, columns, err)
                                 : opp_tx_insert(tx, &OPP_IDEMPOTENCY, &row, err);
}

static enum opp_code insert_pending(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    const struct opp_draft *draft = of(call)->intent.draft;
    int64_t pending = 0, most = call->worker->gateway->settings.pending_drafts_max;
    enum opp_code rc = opp_tx_pending(tx, draft->app_id, &pending, err);

    if (rc == OPP_OK && pending >= most)
        return opp_fail(err, OPP_E_LIMIT, "the app has %lld pending drafts", (long long)pending);
    if (rc == OPP_OK)
        rc = opp_tx_insert(tx, &OPP_DRAFT, draft, err);
    return rc == OPP_OK ? opp_tx_pending_add(tx, draft->app_id, 1, err) : rc;
}

static enum opp_code update_pending(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    static const char *const columns[] = { "justification", "preflight_id",           "seal", "draft_hash", "policy",
                                           "updated_at",    "auto_execute_requested", NULL };
    struct opp_draft *draft = of(call)->intent.draft;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT_HEAD, "id", draft->id, &found, err);
    bool pending;

    if (rc != OPP_OK)
        return rc;
    pending = strcmp(((struct opp_draft *)found)->status, "draft") == 0;
    opp_record_free(&OPP_DRAFT, found);
    if (!pending)
        return opp_fail(err, OPP_E_EXISTS, "the draft was decided meanwhile");
    draft->updated_at = opp_call_now_ms(call);
    return opp_tx_update(tx, &OPP_DRAFT, draft, columns, err);
}

static enum opp_code write_audit(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    struct action *action = of(call);
    json_t *details = json_pack("{s:s, s:s?, s:s}", "action", action->intent.action, "autoExecuteDeniedCode",
                                action->request.denied != OPP_OK ? opp_code_name(action->request.denied) : NULL,
                                "draftHash", action->intent.draft->draft_hash);
    enum opp_code rc = OPP_OK;

    call->audit.draft_id = action->intent.draft->id;
    call->audit.execution_id = action->intent.execution != NULL ? action->intent.execution->id : NULL;
    if (!action->existing)
        rc = opp_call_audit(call, tx, "agent.action.draft.created", OPP_OK, details, err);
    call->audit.status = action->request.denied != OPP_OK ? "denied" : NULL; /* whatever the code is elsewhere */
    if (rc == OPP_OK && action->request.execute)
        rc = opp_call_audit(call, tx, "agent.action.auto_execute.requested", action->request.denied, details, err);
    call->audit.status = NULL;
    json_decref(details);
    return rc;
}

/* Draft or claim, the key, and the audit rows: one commit, judged under the registry that is in force there. All that
 * may refuse comes before the first change. */
static enum opp_code write_action(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct action *action = of(call);
    enum opp_code rc;

    if (opp_tx_registry_version(tx) != opp_registry_version(call->registry))
        return opp_fail(err, OPP_E_STALE, "the registry changed");
    rc = check_key(call, tx, err);
    if (rc == OPP_OK && (action->runs || !action->existing))
        rc = opp_execute_unblocked(tx, action->intent.draft, call->worker->gateway->stranded, err);
    if (rc == OPP_OK && action->runs)
        rc = opp_rules_limits(tx, &action->intent.ruling, action->intent.draft, opp_call_now_ms(call), NULL, err);
    if (rc == OPP_OK && action->runs)
        rc = opp_execute_claim(call, tx, !action->existing, err);
    else if (rc == OPP_OK)
        rc = action->existing ? update_pending(call, tx, err) : insert_pending(call, tx, err);
    if (rc == OPP_OK)
        rc = take_key(call, tx, err);
    if (rc == OPP_OK)
        rc = write_audit(call, tx, err);
    opp_crash_point(action->runs ? "claim.written" : "draft.written");
    return rc;
}

static enum opp_step record(struct opp_call *call)
{
    if (!of(call)->claiming && of(call)->runs)
        return OPP_NEXT; /* claimed before: only the effect is tried again */
    return opp_flow_write_checked(call, write_action);
}

/* The registry moved under the judgement: who is still allowed is judged again by the new one. */
static enum opp_step judge_again(struct opp_call *call)
{
    struct action *action = of(call);
    enum opp_code rc;

    if (++action->rejudged > REJUDGED_MAX)
        return opp_call_refuse(call, OPP_E_UNAVAILABLE, NULL, NULL);
    rc = opp_guard_renew(call);
    if (rc != OPP_OK) {
        call->audit.action = NULL;
        return opp_call_refuse(call, rc, NULL, NULL);
    }
    opp_intent_set_app(&action->intent, call->app);
    opp_flow_goto(call, opp_step_find_tool);
    return OPP_NEXT;
}

/* What was made for a claim or a draft that did not come about is dropped. */
static void unmake(struct action *action)
{
    opp_record_free(&OPP_EXECUTION, action->intent.execution);
    action->intent.execution = NULL;
    if (!action->existing) {
        opp_record_free(&OPP_DRAFT, action->intent.draft);
        action->intent.draft = NULL;
    }
}

/* Which draft to ask about is the unknown execution's: this request has made none. */
static enum opp_step refuse_blocked(struct opp_call *call)
{
    json_t *details = opp_execute_blocked(of(call)->intent.action, &call->op.err);

    if (!of(call)->existing)
        json_object_set_new(details, "draftId", json_string(call->op.err.where));
    json_object_set_new(details, "recovery", json_string(opp_code_recovery(OPP_E_EXECUTION_UNKNOWN)));
    return opp_call_refuse(call, OPP_E_PRECONDITION, OPP_BLOCKED_MESSAGE, details);
}

/* Somebody else was first; or a constraint of a damaged database refuses every time. */
static enum opp_step look_up_again(struct opp_call *call)
{
    if (++of(call)->looked_up > LOOKED_UP_MAX)
        return opp_call_fail(call, OPP_E_UNAVAILABLE, &call->op.err);
    opp_flow_goto(call, opp_action_look_up);
    return OPP_NEXT;
}

static enum opp_step recorded(struct opp_call *call)
{
    struct action *action = of(call);

    if (!action->claiming && action->runs)
        return OPP_NEXT;
    if (call->op.rc == OPP_OK) {
        opp_crash_point(action->runs ? "claim.committed" : "draft.committed");
        action->claiming = false;
        opp_hub_notify(call->worker->gateway->hub, action->intent.draft->id);
        return action->runs ? OPP_NEXT : opp_action_answer_draft(call, !action->existing);
    }
    call->audit.draft_id = call->audit.execution_id = NULL;
    unmake(action);
    switch (call->op.rc) {
    case OPP_E_STALE:
        return judge_again(call);
    case OPP_E_EXISTS:
    case OPP_E_DRAFT_FINAL:
        return look_up_again(call);
    case OPP_E_EXECUTION_UNKNOWN:
        return refuse_blocked(call);
    case OPP_E_LIMIT:
        if (strcmp(call->op.err.where, "limit") == 0) { /* a person decides instead */
            action->limit_reached = true;
            opp_flow_goto(call, decide_mode);
            return OPP_NEXT;
        }
        call->audit.action = NULL;
        call->retry_after_s = PENDING_RETRY_S;
        call->limit = (struct opp_limit){ .name = "pending-drafts",
                                          .quota = call->worker->gateway->settings.pending_drafts_max,
                                          .reset_s = PENDING_RETRY_S };
        return opp_call_refuse_reason(call, OPP_E_RATE_LIMITED, "The app has too many pending drafts.",
                                      "pending_drafts");
    default:
        return opp_call_fail(call, call->op.rc, &call->op.err);
    }
}

static enum opp_step answer_executed(struct opp_call *call)
{
    const struct opp_intent *intent = &of(call)->intent;
    const char *previous = of(call)->previous_execution_id;
    json_t *details = previous != NULL ? json_pack("{s:s}", "previousExecutionId", previous) : NULL;

    opp_crash_point("reply.unsent");
    return opp_call_answer_recorded(
        call, json_pack("{s:s, s:{s:s, s:s}, s:o, s:o*}", "status", "executed", "draft", "id", intent->draft->id,
                        "status", intent->draft->status, "execution",
                        opp_shape_execution(intent->execution, intent->draft, intent->app, intent->tool), "details",
                        details));
}

static void dispose(void *state)
{
    struct action *action = state;

    opp_await_end(&action->await);
    opp_record_free(&OPP_IDEMPOTENCY, action->known);
    opp_record_free(&OPP_PREFLIGHT, action->preflight);
    opp_record_free(&OPP_DRAFT, action->found_draft);
    opp_record_free(&OPP_EXECUTION, action->found_execution);
    opp_intent_clear(&action->intent);
}

static const opp_step_fn STEPS[] = {
    opp_action_read_request,
    opp_step_find_tool,
    opp_action_look_up,
    opp_action_judge_key,
    opp_action_attach_preflight,
    opp_step_payload,
    opp_step_load,
    opp_step_admit,
    opp_step_inspect,
    opp_step_rules,
    opp_step_understand,
    opp_step_compare,
    check_witness,
    decide_mode,
    record,
    recorded,
    opp_step_apply,
    opp_step_applied,
    opp_step_settle,
    opp_step_settled,
    answer_executed,
    opp_step_moved_write,
    opp_step_moved_written,
    opp_draft_not_expired,
    NULL,
};

const struct opp_flow OPP_FLOW_ACTION = { STEPS, sizeof(struct action), dispose, "agent.action.create" };
