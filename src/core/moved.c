/* SPDX-License-Identifier: MIT */
#include "core/moved.h"

#include "base/json.h"
#include "core/draft.h"
#include "core/gateway.h"
#include "core/hub.h"
#include "core/intent.h"
#include "store/tx.h"

#include <stdio.h>

static struct opp_intent *of(struct opp_call *call)
{
    return call->state;
}

bool opp_moved_gone(const struct opp_intent *intent)
{
    return intent->loaded && intent->tool_call.rc == OPP_E_ABSENT;
}

enum opp_step opp_moved_refuse(struct opp_call *call, enum opp_code code, const char *message, json_t *details)
{
    struct opp_intent *intent = of(call);
    struct opp_moved *moved = &intent->moved;

    if (code != OPP_E_PRECONDITION && code != OPP_E_ACTION_INVALID && !opp_moved_gone(intent))
        return opp_call_refuse(call, code, message, details);
    json_decref(moved->details);
    moved->details = details != NULL ? details : json_object();
    moved->code = code;
    snprintf(moved->message, sizeof moved->message, "%s", message != NULL ? message : opp_code_message(code));
    json_object_set_new(moved->details, "draftId", json_string(intent->draft->id));
    opp_flow_goto(call, opp_step_moved_write);
    return OPP_NEXT;
}

static enum opp_code write_failed(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    const struct opp_intent *intent = of(call);
    const struct opp_moved *moved = &intent->moved;
    struct opp_draft_end end = { .status = "failed",
                                 .failure = moved->code,
                                 .failure_reason = opp_json_text(moved->details, "reason"),
                                 .now_ms = opp_call_now_ms(call),
                                 .key_lifetime_ms = call->worker->gateway->settings.idempotency_lifetime_ms };
    void *found = NULL;
    enum opp_code rc = opp_tx_get(tx, &OPP_DRAFT_HEAD, "id", intent->draft->id, &found, err);

    if (rc != OPP_OK)
        return rc;
    rc = opp_draft_end(tx, found, &end, err);
    opp_record_free(&OPP_DRAFT, found);
    return rc == OPP_OK ? opp_call_audit(call, tx, call->audit.action, moved->code, moved->details, err) : rc;
}

enum opp_step opp_step_moved_write(struct opp_call *call)
{
    return opp_flow_write(call, write_failed);
}

enum opp_step opp_step_moved_written(struct opp_call *call)
{
    const struct opp_intent *intent = of(call);
    const struct opp_moved *moved = &intent->moved;

    if (call->op.rc == OPP_E_DRAFT_FINAL) { /* perhaps it is the draft's own effect that moved the world */
        opp_flow_goto(call, moved->look_again);
        return OPP_NEXT;
    }
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    opp_hub_notify(call->worker->gateway->hub, intent->draft->id);
    call->audit.action = NULL; /* its row is written */
    return opp_call_refuse(call, moved->code, moved->message, json_incref(moved->details));
}
