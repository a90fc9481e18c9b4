/* SPDX-License-Identifier: MIT */
#include "core/decide.h"

#include "base/crash.h"
#include "base/json.h"
#include "core/draft.h"
#include "core/draft_make.h"
#include "core/evidence.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "core/guard.h"
#include "core/hub.h"
#include "core/moved.h"
#include "core/rules.h"
#include "core/shape.h"
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

#define REJUDGED_MAX 5
#define LIMIT_RETRY_S 60 /* limits count over minutes and hours */

struct decision {
    struct opp_intent intent; /* first: the shared steps find it */
    struct opp_key *key;      /* that asked, as it was when the draft was read; NULL: there is none */
    bool claimed;
    unsigned rejudged;
    const json_t *used_up; /* the rule's limit that left no room, lent by the ruling */
};

static struct decision *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_step look(struct opp_call *call);

static enum opp_code find_key(struct opp_tx *tx, struct decision *decision, struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_KEY, "id", decision->intent.draft->key_id, &found, err);

    opp_record_free(&OPP_KEY, decision->key);
    decision->key = found;
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

static enum opp_code find_draft(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_intent *intent = &of(call)->intent;
    void *found = NULL;
    enum opp_code rc = opp_tx_get_any(tx, &OPP_DRAFT, "id", call->param(call, "id"), &found, err);

    call->audit.draft_id = call->audit.app_id = call->audit.org_id = NULL; /* they were the old record's */
    call->audit.key_id = call->audit.actor_user_id = NULL;
    opp_record_free(&OPP_DRAFT, intent->draft);
    intent->draft = found;
    if (rc == OPP_OK && !opp_guard_sees_org(call->admin, intent->draft->org_id))
        rc = OPP_E_ABSENT;
    return rc == OPP_OK ? find_key(tx, of(call), err) : rc;
}

static void know_draft(struct opp_call *call)
{
    const struct opp_draft *draft = of(call)->intent.draft;

    call->audit.draft_id = draft->id;
    call->audit.app_id = draft->app_id;
    call->audit.org_id = draft->org_id;
    call->audit.key_id = draft->key_id;
    call->audit.actor_user_id = draft->actor_user_id;
}

static enum opp_step refuse_final(struct opp_call *call)
{
    const struct opp_draft *draft = of(call)->intent.draft;

    return opp_call_refuse(call, OPP_E_DRAFT_FINAL, NULL,
                           json_pack("{s:s, s:s}", "draftId", draft->id, "status", draft->status));
}

/* The draft exists, is pending and not expired; the person has the role. */
static enum opp_step check_draft(struct opp_call *call)
{
    const struct opp_draft *draft = of(call)->intent.draft;

    if (call->op.rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_DRAFT_NOT_FOUND, NULL, NULL);
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    know_draft(call);
    if (opp_draft_overdue(call, draft)) {
        opp_flow_goto(call, look);
        return opp_draft_expire_now(call, draft->id);
    }
    if (strcmp(draft->status, "draft") != 0)
        return refuse_final(call);
    return opp_guard_require(call, OPP_ROLE_REVIEWER);
}

static enum opp_step look(struct opp_call *call)
{
    return opp_flow_read(call, find_draft);
}

static bool made_by(const char *creator, const struct opp_admin_token *admin)
{
    return creator != NULL && strcmp(creator, admin->user_id) == 0;
}

static bool has_approved(const struct opp_draft *draft, const char *user_id)
{
    size_t index;
    json_t *approval;

    json_array_foreach(draft->approvals, index, approval)
    {
        const char *user = opp_json_text(approval, "user_id"), *seal = opp_json_text(approval, "seal");

        if (user != NULL && seal != NULL && strcmp(user, user_id) == 0 && strcmp(seal, draft->seal) == 0)
            return true;
    }
    return false;
}

/* Where two must approve, neither is who made the app or its key. */
static enum opp_step check_maker(struct opp_call *call)
{
    const struct opp_intent *intent = &of(call)->intent;
    const struct opp_key *key = of(call)->key;

    if (intent->draft->approvals_required >= 2 && intent->app != NULL && key != NULL &&
        (made_by(intent->app->record->created_by, call->admin) || made_by(key->created_by, call->admin)))
        return opp_call_refuse_reason(call, OPP_E_FORBIDDEN, "Nobody approves for an app or key that they made.",
                                      "own_app");
    return OPP_NEXT;
}

static enum opp_step refuse_seal(struct opp_call *call)
{
    const struct opp_draft *draft = of(call)->intent.draft;

    return opp_call_refuse(
        call, OPP_E_PRECONDITION, "The draft is not the one that was reviewed.",
        json_pack("{s:s, s:s, s:s}", "action", draft->action, "reason", "seal_mismatch", "draftId", draft->id));
}

/* The seal, the draft's own and the one that was named; and whether this person may approve this draft. */
static enum opp_step check_person(struct opp_call *call)
{
    struct opp_intent *intent = &of(call)->intent;
    const struct opp_draft *draft = intent->draft;
    const char *seal = opp_call_text(call, "seal");
    enum opp_code rc;

    if (draft->damaged)
        return opp_call_refuse(call, OPP_E_PRECONDITION, "The draft's record is damaged: it can only be rejected.",
                               json_pack("{s:s, s:s}", "action", draft->action, "reason", "damaged"));
    intent->app = opp_registry_app(call->registry, draft->app_id);
    rc = opp_draft_check_seal(draft);
    if (rc == OPP_E_PRECONDITION || (seal != NULL && strcmp(seal, draft->seal) != 0))
        return refuse_seal(call);
    if (rc != OPP_OK)
        return opp_call_refuse(call, rc, NULL, NULL);
    if (strcmp(draft->actor_user_id, call->admin->user_id) == 0)
        return opp_call_refuse_reason(call, OPP_E_FORBIDDEN, "Nobody approves what acts for them.", "own_draft");
    if (has_approved(draft, call->admin->user_id))
        return opp_call_refuse_reason(call, OPP_E_FORBIDDEN, "This person has approved already.", "already_approved");
    return check_maker(call);
}

/* What refuses the reviewer leaves the draft pending; what refuses because the world moved makes it failed. */
static enum opp_step refused(struct opp_call *call, enum opp_code code, const char *message, json_t *details)
{
    const struct opp_intent *intent = &of(call)->intent;

    if (!opp_moved_gone(intent))
        return opp_moved_refuse(call, code, message, details);
    json_decref(details);
    return opp_moved_refuse(call, OPP_E_PRECONDITION, "The resource is gone.",
                            json_pack("{s:s, s:s}", "action", intent->action, "reason", "resource_gone"));
}

/* A key that was rotated away has expired and is not revoked: what it asked for lives on, as long as its draft. */
static bool key_alive(const struct opp_key *key)
{
    return key != NULL && key->revoked_at == 0;
}

static enum opp_step take_intent(struct opp_call *call)
{
    struct opp_intent *intent = &of(call)->intent;
    const struct opp_draft *draft = intent->draft;

    intent->refused = refused;
    intent->moved.look_again = look;
    intent->action = draft->action;
    if (intent->app == NULL || !opp_app_alive(intent->app->record) || !key_alive(of(call)->key))
        return opp_intent_refuse_moved(call, "The app or key that asked is no longer active.", "key_revoked");
    if (opp_intent_set(intent, draft->action, json_incref(draft->payload), intent->app) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    intent->asked_at_ms = opp_draft_asked_at(draft);
    intent->phase = OPP_PHASE_APPROVE;
    return OPP_NEXT;
}

static json_t *make_approval(struct opp_call *call, const char *seal)
{
    return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:o}", "user_id", call->admin->user_id, "token_id", call->admin->id,
                     "seal", seal, "note", opp_call_text(call, "note"), "reason", opp_call_text(call, "reason"), "at",
                     opp_shape_time(opp_call_now_ms(call)));
}

static json_t *make_review(struct opp_call *call)
{
    return json_pack("{s:o, s:s, s:s?, s:s?}", "decided_at", opp_shape_time(opp_call_now_ms(call)), "by",
                     call->admin->user_id, "reason", opp_call_text(call, "reason"), "note",
                     opp_call_text(call, "note"));
}

/* The draft as others may have changed it meanwhile: same seal, still pending, same approvals. */
static enum opp_code unchanged(struct opp_call *call, struct opp_tx *tx, size_t approvals, struct opp_err *err)
{
    const struct opp_draft *draft = of(call)->intent.draft;
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT, "id", draft->id, &found, err);
    const struct opp_draft *now = found;

    if (rc != OPP_OK)
        return rc;
    if (opp_tx_registry_version(tx) != opp_registry_version(call->registry))
        rc = opp_fail(err, OPP_E_STALE, "the registry changed");
    else if (strcmp(now->status, "draft") != 0 || strcmp(now->seal, draft->seal) != 0 ||
             json_array_size(now->approvals) != approvals)
        rc = opp_fail(err, OPP_E_STALE, "the draft changed");
    opp_record_free(&OPP_DRAFT, found);
    return rc;
}

/* With a hash of what was decided, and by whom. */
static enum opp_code audit_decision(struct opp_call *call, struct opp_tx *tx, const char *action, struct opp_err *err)
{
    json_t *details = json_object();
    enum opp_code rc = opp_evidence_bind_decision(details, of(call)->intent.draft, err);

    if (rc == OPP_OK)
        rc = opp_call_audit(call, tx, action, OPP_OK, details, err);
    json_decref(details);
    return rc;
}

static enum opp_code write_approval(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    static const char *const columns[] = { "approvals", "approvals_required", "updated_at", NULL };
    struct opp_call *call = arg;
    struct opp_draft *draft = of(call)->intent.draft;
    enum opp_code rc = unchanged(call, tx, json_array_size(draft->approvals) - 1, err);

    draft->updated_at = opp_call_now_ms(call);
    if (rc == OPP_OK)
        rc = opp_tx_update(tx, &OPP_DRAFT, draft, columns, err);
    if (rc == OPP_OK)
        rc = audit_decision(call, tx, "agent.draft.approve", err);
    opp_crash_point("approval.written");
    return rc;
}

static enum opp_step approval_written(struct opp_call *call);

/* With this person's approval: are more people needed? */
static enum opp_step count_approvals(struct opp_call *call)
{
    struct opp_intent *intent = &of(call)->intent;
    struct opp_draft *draft = intent->draft;

    if (intent->execution != NULL)
        return OPP_NEXT; /* claimed before: only the effect is tried again */
    draft->approvals_required = opp_rules_approvals(&intent->ruling, draft->approvals_required);
    json_array_append_new(draft->approvals, make_approval(call, draft->seal));
    if (opp_rules_judge(call, OPP_PHASE_EXECUTE) == OPP_DONE)
        return OPP_DONE;
    draft->approvals_required = opp_rules_approvals(&intent->ruling, draft->approvals_required);
    if (check_maker(call) == OPP_DONE) /* the rules of today may ask for more people than the draft's did */
        return OPP_DONE;
    if (opp_approvals_given(draft) >= draft->approvals_required)
        return OPP_NEXT;
    opp_flow_goto(call, approval_written);
    return opp_flow_write(call, write_approval);
}

static enum opp_code write_claim(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_draft *draft = of(call)->intent.draft;
    enum opp_code rc = unchanged(call, tx, json_array_size(draft->approvals) - 1, err);

    call->audit.execution_id = of(call)->intent.execution->id;
    if (rc == OPP_OK)
        rc = opp_execute_unblocked(tx, draft, call->worker->gateway->stranded, err);
    if (rc == OPP_OK)
        rc = opp_rules_limits(tx, &of(call)->intent.ruling, draft, opp_call_now_ms(call), &of(call)->used_up, err);
    if (rc == OPP_OK)
        rc = opp_execute_claim(call, tx, false, err);
    if (rc == OPP_OK)
        rc = audit_decision(call, tx, "agent.draft.approve", err);
    opp_crash_point("claim.approved");
    return rc;
}

static enum opp_step claim(struct opp_call *call)
{
    struct decision *decision = of(call);
    struct opp_draft *draft = decision->intent.draft;

    if (decision->claimed)
        return OPP_NEXT;
    free(draft->confirmed_by);
    draft->confirmed_by = strdup(call->admin->user_id);
    json_decref(draft->review);
    draft->review = make_review(call);
    if (draft->confirmed_by == NULL || opp_execute_begin(call) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return opp_flow_write(call, write_claim);
}

/* What moved between the judgement and its commit is judged again, from the start. */
static enum opp_step judge_again(struct opp_call *call)
{
    struct decision *decision = of(call);
    enum opp_code rc;

    call->audit.execution_id = NULL;
    opp_record_free(&OPP_EXECUTION, decision->intent.execution);
    decision->intent.execution = NULL;
    if (call->op.rc == OPP_E_LIMIT) {
        call->retry_after_s = LIMIT_RETRY_S;
        call->limit = (struct opp_limit){ .name = "limit",
                                          .quota = json_integer_value(json_object_get(decision->used_up, "count")),
                                          .window_s = json_integer_value(json_object_get(decision->used_up, "per")),
                                          .reset_s = LIMIT_RETRY_S };
        return opp_call_refuse_reason(call, OPP_E_RATE_LIMITED, "A rule's limit is used up for now.", "limit");
    }
    if (call->op.rc == OPP_E_EXECUTION_UNKNOWN) /* the draft waits until a person or a receipt has said */
        return opp_call_refuse(call, OPP_E_PRECONDITION, OPP_BLOCKED_MESSAGE,
                               opp_execute_blocked(decision->intent.action, &call->op.err));
    if (call->op.rc != OPP_E_STALE && call->op.rc != OPP_E_DRAFT_FINAL)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    rc = ++decision->rejudged <= REJUDGED_MAX ? opp_guard_renew(call) : OPP_E_UNAVAILABLE;
    if (rc != OPP_OK)
        return opp_call_refuse(call, rc, NULL, NULL);
    opp_flow_goto(call, look);
    return OPP_NEXT;
}

static enum opp_step claimed(struct opp_call *call)
{
    struct decision *decision = of(call);

    if (decision->claimed)
        return OPP_NEXT;
    if (call->op.rc != OPP_OK)
        return judge_again(call);
    opp_crash_point("claim.committed");
    decision->claimed = true;
    opp_hub_notify(call->worker->gateway->hub, decision->intent.draft->id);
    return OPP_NEXT;
}

static enum opp_step answer(struct opp_call *call)
{
    const struct opp_intent *intent = &of(call)->intent;

    return opp_call_answer_recorded(
        call, json_pack("{s:s, s:o, s:o}", "draftStatus", intent->draft->status, "execution",
                        intent->execution != NULL ? opp_shape_admin_execution(intent->execution) : json_null(),
                        "approvals", opp_shape_approvals(intent->draft)));
}

static enum opp_step approval_written(struct opp_call *call)
{
    if (call->op.rc != OPP_OK)
        return judge_again(call);
    opp_crash_point("approval.committed");
    opp_hub_notify(call->worker->gateway->hub, of(call)->intent.draft->id);
    return answer(call);
}

static enum opp_step read_approval(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_APPROVE);
}

static void dispose(void *state)
{
    struct decision *decision = state;

    opp_record_free(&OPP_KEY, decision->key);
    opp_intent_clear(&decision->intent);
}

static const opp_step_fn APPROVE_STEPS[] = {
    read_approval,
    look,
    check_draft,
    check_person,
    take_intent,
    opp_step_find_tool,
    opp_step_payload,
    opp_step_load,
    opp_step_admit,
    opp_step_inspect,
    opp_step_rules,
    opp_step_understand,
    count_approvals,
    opp_step_compare,
    claim,
    claimed,
    opp_step_apply,
    opp_step_applied,
    opp_step_settle,
    opp_step_settled,
    answer,
    approval_written,
    opp_step_moved_write,
    opp_step_moved_written,
    opp_draft_not_expired,
    NULL,
};

const struct opp_flow OPP_FLOW_APPROVE = { APPROVE_STEPS, sizeof(struct decision), dispose, "agent.draft.approve" };

static enum opp_step read_rejection(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_REJECT);
}

static enum opp_code write_rejection(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_draft_end end = { .status = "canceled",
                                 .now_ms = opp_call_now_ms(call),
                                 .key_lifetime_ms = call->worker->gateway->settings.idempotency_lifetime_ms };
    enum opp_code rc = find_draft(tx, call, err);

    if (rc != OPP_OK)
        return rc;
    know_draft(call);
    end.review = make_review(call);
    rc = opp_draft_end(tx, of(call)->intent.draft, &end, err);
    json_decref(end.review);
    if (rc == OPP_OK)
        rc = audit_decision(call, tx, "agent.draft.reject", err);
    opp_crash_point("rejection.written");
    return rc;
}

static enum opp_step reject(struct opp_call *call)
{
    return opp_flow_write(call, write_rejection);
}

static enum opp_step rejected(struct opp_call *call)
{
    struct opp_draft *draft = of(call)->intent.draft;

    if (call->op.rc == OPP_E_DRAFT_FINAL)
        return refuse_final(call);
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    opp_crash_point("rejection.committed");
    opp_hub_notify(call->worker->gateway->hub, draft->id);
    if (opp_draft_distrust(draft) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return opp_call_answer_recorded(call, json_pack("{s:b, s:o}", "ok", 1, "draft", opp_shape_admin_draft(draft)));
}

static const opp_step_fn REJECT_STEPS[] = { read_rejection,        look, check_draft, reject, rejected,
                                            opp_draft_not_expired, NULL };

const struct opp_flow OPP_FLOW_REJECT = { REJECT_STEPS, sizeof(struct decision), dispose, "agent.draft.reject" };
