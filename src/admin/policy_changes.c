/* SPDX-License-Identifier: MIT */
#include "admin/policies.h"

#include "admin/change.h"
#include "base/crash.h"
#include "base/file.h"
#include "core/call.h"
#include "core/gateway.h"
#include "core/hub.h"
#include "core/policy_change.h"
#include "core/policy_load.h"

#define BUSY "Another change of the policies is under way, or old ones are still in use."

/* A load runs on a thread of its own: reading files and running every test would hold up the loop's other requests. */
struct changing {
    struct opp_policy_change change;
    enum opp_code rc;
    struct opp_err err;
};

static enum opp_step begin(struct opp_call *call, enum opp_policy_verb verb)
{
    struct changing *changing = call->state;
    struct opp_policy_change *change = &changing->change;

    if (call->admin->org_ids != NULL)
        return opp_change_refuse_limited(call);
    change->gateway = call->worker->gateway;
    change->verb = verb;
    change->profile = opp_call_text(call, "profile");
    change->sha256 = opp_call_text(call, "sha256");
    return opp_policy_change_begin(change, NULL) == OPP_OK ? OPP_NEXT
                                                           : opp_call_refuse(call, OPP_E_UNAVAILABLE, BUSY, NULL);
}

static enum opp_step begin_reload(struct opp_call *call)
{
    return begin(call, OPP_POLICY_RELOAD);
}

static enum opp_step begin_stage(struct opp_call *call)
{
    enum opp_step step = opp_call_check_input(call, OPP_SCHEMA_POLICY_STAGE);

    return step == OPP_NEXT ? begin(call, OPP_POLICY_STAGE) : step;
}

static enum opp_step begin_discard(struct opp_call *call)
{
    return begin(call, OPP_POLICY_DISCARD);
}

static enum opp_step begin_named(struct opp_call *call, enum opp_policy_verb verb)
{
    enum opp_step step = opp_call_check_input(call, OPP_SCHEMA_POLICY_NAMED);

    return step == OPP_NEXT ? begin(call, verb) : step;
}

static enum opp_step begin_promote(struct opp_call *call)
{
    return begin_named(call, OPP_POLICY_PROMOTE);
}

static enum opp_step begin_rollback(struct opp_call *call)
{
    return begin_named(call, OPP_POLICY_ROLLBACK);
}

/* What could not be read at all has no line, and is an issue like the others. */
static json_t *issues_of(const struct changing *changing, const struct opp_err *err)
{
    json_t *issues = opp_load_issues(&changing->change.report);
    struct opp_err told = *err;

    if (json_array_size(issues) > 0)
        return issues;
    json_decref(issues);
    opp_file_hide_path(&told, changing->change.gateway->adapters_dir, "the adapters' directory");
    return json_pack("[{s:s, s:i, s:s}]", "file", told.where, "line", 0, "message", told.message);
}

static enum opp_step refuse(struct opp_call *call, enum opp_code rc, const struct opp_err *err)
{
    switch (rc) {
    case OPP_E_PRECONDITION:
        return opp_call_refuse(call, rc, err->message,
                               json_pack("{s:s, s:s}", "action", call->flow->audit_action, "reason", err->where));
    case OPP_E_CONFIG:
    case OPP_E_IO:
        return opp_call_refuse(call, OPP_E_VALIDATION, "The adapters or policies do not load; what was in force stays.",
                               json_pack("{s:o}", "issues", issues_of(call->state, err)));
    default:
        return opp_call_fail(call, rc, err);
    }
}

static enum opp_code find(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct changing *changing = ((struct opp_call *)arg)->state;

    return opp_policy_change_look(&changing->change, tx, err);
}

static enum opp_step look(struct opp_call *call)
{
    return opp_flow_read(call, find);
}

static void load(struct opp_call *call)
{
    struct changing *changing = call->state;

    changing->rc = opp_policy_change_prepare(&changing->change, &changing->err);
}

static enum opp_step start(struct opp_call *call)
{
    return call->op.rc == OPP_OK ? opp_flow_aside(call, load) : refuse(call, call->op.rc, &call->op.err);
}

static enum opp_code write_change(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct changing *changing = call->state;
    json_t *details = opp_policy_change_details(&changing->change);
    enum opp_code rc = opp_policy_change_store(&changing->change, tx, err);

    if (rc == OPP_OK)
        rc = opp_call_audit(call, tx, opp_policy_verb_action(changing->change.verb), OPP_OK, details, err);
    json_decref(details);
    opp_crash_point("policies.written");
    return rc;
}

static enum opp_step store(struct opp_call *call)
{
    const struct changing *changing = call->state;

    return changing->rc != OPP_OK ? refuse(call, changing->rc, &changing->err) : opp_flow_write(call, write_change);
}

static enum opp_step changed(struct opp_call *call)
{
    const struct changing *changing = call->state;
    const struct opp_policy_history *history = &changing->change.history;
    struct opp_gateway *gateway = call->worker->gateway;

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    opp_crash_point("policies.committed");
    opp_hub_notify(gateway->hub, NULL);
    return opp_call_answer_recorded(
        call, json_pack("{s:b, s:o, s:o, s:o, s:O?}", "ok", 1, "active", opp_policies_active(gateway), "staged",
                        opp_policies_staged(gateway), "previous",
                        opp_policy_head_json(history->count > 1 ? history->latest[1] : NULL), "warnings",
                        changing->change.report.policies.warnings));
}

static void dispose(void *state)
{
    opp_policy_change_end(&((struct changing *)state)->change);
}

#define FLOW(name, first, action)                                                           \
    static const opp_step_fn name##_STEPS[] = { first, look, start, store, changed, NULL }; \
    const struct opp_flow OPP_FLOW_POLICY_##name = { name##_STEPS, sizeof(struct changing), dispose, action }

FLOW(RELOAD, begin_reload, "policy.reload");
FLOW(STAGE, begin_stage, "policy.stage");
FLOW(DISCARD, begin_discard, "policy.discard");
FLOW(PROMOTE, begin_promote, "policy.promote");
FLOW(ROLLBACK, begin_rollback, "policy.rollback");
