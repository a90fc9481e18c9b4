/* SPDX-License-Identifier: MIT */
#include "core/resolve.h"

#include "base/crash.h"
#include "base/json.h"
#include "core/evidence.h"
#include "core/execute.h"
#include "core/gateway.h"
#include "core/guard.h"
#include "core/hub.h"
#include "core/recover.h"
#include "core/shape.h"
#include "store/tx.h"

#include <string.h>

#define MESSAGE_NOT_APPLIED "A person found that nothing was applied."

struct resolving {
    struct opp_draft *draft;
    struct opp_execution *execution;
    struct opp_recovery *recovery; /* its receipt, asked for first */
    bool again;                    /* the same was said before */
    bool told;                     /* by the receipt: nobody need say it */
};

static struct resolving *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_step read_request(struct opp_call *call)
{
    return opp_call_check_input(call, OPP_SCHEMA_RESOLVE);
}

static void forget(struct resolving *resolving)
{
    opp_record_free(&OPP_DRAFT, resolving->draft);
    opp_record_free(&OPP_EXECUTION, resolving->execution);
    resolving->draft = NULL;
    resolving->execution = NULL;
}

static enum opp_code find(struct opp_call *call, struct opp_tx *tx, struct opp_err *err)
{
    struct resolving *resolving = of(call);
    void *found = NULL;
    enum opp_code rc;

    forget(resolving);
    rc = opp_tx_get(tx, &OPP_DRAFT_HEAD, "id", call->param(call, "id"), &found, err);

    if (rc != OPP_OK)
        return rc;
    resolving->draft = found;
    if (!opp_guard_sees_org(call->admin, resolving->draft->org_id))
        return OPP_E_ABSENT;
    found = NULL;
    rc = opp_tx_get_any(tx, &OPP_EXECUTION, "draft_id", resolving->draft->id, &found, err);
    resolving->execution = found;
    return rc == OPP_E_ABSENT ? OPP_E_PRECONDITION : rc;
}

static void know(struct opp_call *call)
{
    const struct resolving *resolving = of(call);

    call->audit.draft_id = resolving->draft->id;
    call->audit.execution_id = resolving->execution != NULL ? resolving->execution->id : NULL;
    call->audit.app_id = resolving->draft->app_id;
    call->audit.org_id = resolving->draft->org_id;
    call->audit.key_id = resolving->draft->key_id;
    call->audit.actor_user_id = resolving->draft->actor_user_id;
}

static bool said_before(const struct opp_execution *execution, const char *outcome)
{
    const char *said = opp_json_text(execution->resolution, "outcome");

    return said != NULL && strcmp(said, outcome) == 0;
}

static bool is_unknown(const struct resolving *resolving)
{
    return resolving->execution != NULL && strcmp(resolving->execution->status, "unknown") == 0;
}

static enum opp_code find_unknown(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct resolving *resolving = of(call);
    enum opp_code rc = find(call, tx, err);

    if (rc == OPP_E_ABSENT || rc == OPP_E_PRECONDITION || (rc == OPP_OK && !is_unknown(resolving)))
        return OPP_OK; /* nothing to ask; what is wrong is said where it is written */
    if (rc == OPP_OK)
        rc = opp_recovery_new(call->worker->gateway, &resolving->recovery, err);
    return rc == OPP_OK ? opp_recovery_add(resolving->recovery, tx, resolving->execution->id, err) : rc;
}

/* What a receipt says now counts more than what a person found: a wrong not_applied would let it happen twice. */
static enum opp_step look(struct opp_call *call)
{
    return opp_flow_read(call, find_unknown);
}

static void ask_receipt(struct opp_call *call)
{
    opp_recovery_ask(of(call)->recovery);
}

static enum opp_step ask(struct opp_call *call)
{
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    return of(call)->recovery != NULL ? opp_flow_aside(call, ask_receipt) : OPP_NEXT;
}

static enum opp_code settle(struct opp_call *call, struct opp_tx *tx, json_t *details, struct opp_err *err)
{
    struct resolving *resolving = of(call);
    bool applied = strcmp(opp_json_text(call->input, "outcome"), "applied") == 0;
    struct opp_settlement outcome = { .draft = resolving->draft,
                                      .execution = resolving->execution,
                                      .code = applied ? OPP_OK : OPP_E_EXECUTION_FAILED,
                                      .reason = applied ? NULL : "not_applied",
                                      .now_ms = opp_call_now_ms(call),
                                      .key_lifetime_ms = call->worker->gateway->settings.idempotency_lifetime_ms };
    enum opp_code rc;

    if (!applied)
        outcome.error = json_pack("{s:s, s:s, s:s}", "code", opp_code_name(outcome.code), "message",
                                  MESSAGE_NOT_APPLIED, "reason", outcome.reason);
    outcome.resolution =
        json_pack("{s:s, s:s, s:s, s:o}", "outcome", opp_json_text(call->input, "outcome"), "note",
                  opp_json_text(call->input, "note"), "by", call->admin->user_id, "at", opp_shape_time(outcome.now_ms));
    rc = outcome.resolution != NULL ? opp_settlement_write(tx, &outcome, err) : OPP_E_MEMORY;
    json_decref(outcome.error);
    json_decref(outcome.resolution);
    if (rc == OPP_OK)
        rc = opp_evidence_bind_outcome(details, resolving->execution, err);
    return rc == OPP_OK ? opp_call_audit(call, tx, "agent.draft.resolve", OPP_OK, details, err) : rc;
}

static enum opp_code write_resolution(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct resolving *resolving = of(call);
    const char *outcome = opp_json_text(call->input, "outcome");
    enum opp_code rc = resolving->recovery != NULL ? opp_recovery_write(tx, resolving->recovery, err) : OPP_OK;
    json_t *details;

    if (rc == OPP_OK)
        rc = find(call, tx, err);
    if (resolving->draft != NULL && rc != OPP_E_ABSENT)
        know(call);
    if (rc != OPP_OK)
        return rc;
    resolving->again = said_before(resolving->execution, outcome);
    resolving->told = resolving->recovery != NULL && !is_unknown(resolving);
    if (resolving->again || resolving->told)
        return OPP_OK;
    if (!is_unknown(resolving))
        return opp_fail(err, OPP_E_PRECONDITION, "the execution is %s", resolving->execution->status);
    details = json_pack("{s:s, s:s}", "outcome", outcome, "note", opp_json_text(call->input, "note"));
    rc = details != NULL ? settle(call, tx, details, err) : OPP_E_MEMORY;
    json_decref(details);
    opp_crash_point("resolution.written");
    return rc;
}

static enum opp_step resolve(struct opp_call *call)
{
    return opp_flow_write(call, write_resolution);
}

static enum opp_step refuse(struct opp_call *call)
{
    const struct resolving *resolving = of(call);
    const struct opp_execution *execution = resolving->execution;

    return opp_call_refuse(call, OPP_E_PRECONDITION, "It is not an unknown outcome that could be resolved.",
                           json_pack("{s:s, s:s, s:s, s:s*}", "action", resolving->draft->action, "reason",
                                     "not_unknown", "recovery", "none", "executionStatus",
                                     execution != NULL ? execution->status : NULL));
}

static enum opp_step resolved(struct opp_call *call)
{
    const struct resolving *resolving = of(call);

    if (call->op.rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_DRAFT_NOT_FOUND, NULL, NULL);
    if (call->op.rc == OPP_E_PRECONDITION)
        return refuse(call);
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    opp_crash_point("resolution.committed");
    if (resolving->recovery != NULL)
        opp_recovery_announce(resolving->recovery);
    if (resolving->told && !resolving->again)
        return refuse(call);
    if (!resolving->again)
        opp_hub_notify(call->worker->gateway->hub, resolving->draft->id);
    return opp_call_answer_recorded(call, json_pack("{s:s, s:o}", "draftStatus", resolving->draft->status, "execution",
                                                    opp_shape_admin_execution(resolving->execution)));
}

static void dispose(void *state)
{
    struct resolving *resolving = state;

    forget(resolving);
    opp_recovery_free(resolving->recovery);
}

static const opp_step_fn STEPS[] = { read_request, look, ask, resolve, resolved, NULL };

const struct opp_flow OPP_FLOW_RESOLVE = { STEPS, sizeof(struct resolving), dispose, "agent.draft.resolve" };
