/* SPDX-License-Identifier: MIT */
#include "admin/drafts.h"

#include "core/call.h"
#include "core/draft.h"
#include "core/draft_make.h"
#include "core/evidence.h"
#include "core/gateway.h"
#include "core/guard.h"
#include "core/page.h"
#include "core/shape.h"
#include "store/tx.h"

struct listing {
    struct opp_page page;
    struct opp_draft *draft;
    struct opp_execution *execution;
    json_t *evidence;
};

static struct listing *of(struct opp_call *call)
{
    return call->state;
}

static void forget(struct listing *listing)
{
    opp_record_free(&OPP_DRAFT, listing->draft);
    opp_record_free(&OPP_EXECUTION, listing->execution);
    listing->draft = NULL;
    listing->execution = NULL;
}

static void dispose(void *state)
{
    opp_page_clear(&((struct listing *)state)->page);
    json_decref(((struct listing *)state)->evidence);
    forget(state);
}

static enum opp_code find_execution(struct opp_tx *tx, const char *draft_id, struct opp_execution **out,
                                    struct opp_err *err)
{
    void *found = NULL;
    enum opp_code rc = opp_tx_get_any(tx, &OPP_EXECUTION, "draft_id", draft_id, &found, err);

    *out = found;
    return rc == OPP_E_ABSENT ? OPP_OK : rc;
}

/* arg is the transaction. */
static json_t *shape_item(void *record, struct opp_tx *tx)
{
    struct opp_draft *draft = record;
    struct opp_execution *execution = NULL;
    json_t *shown = NULL;

    if (opp_draft_distrust(draft) == OPP_OK && find_execution(tx, draft->id, &execution, NULL) == OPP_OK)
        shown = opp_shape_admin_draft_item(draft, execution);
    opp_record_free(&OPP_EXECUTION, execution);
    return shown;
}

static enum opp_code find_page(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_DRAFT, .damaged_too = true };

    opp_query_text(&query, "app_id", OPP_EQUAL, opp_call_text(call, "appId"));
    opp_draft_filter(call, &query);
    opp_query_list(&query, "org_id", call->admin->org_ids);
    return opp_page_read(&of(call)->page, call, tx, &query, shape_item, err);
}

static enum opp_step read_query(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_ADMIN_DRAFT_LIST);
}

static enum opp_step list(struct opp_call *call)
{
    return opp_flow_read(call, find_page);
}

static enum opp_step answer_list(struct opp_call *call)
{
    return opp_page_answer(&of(call)->page, call);
}

static const opp_step_fn LIST_STEPS[] = { read_query, list, answer_list, NULL };
const struct opp_flow OPP_FLOW_ADMIN_DRAFT_LIST = { LIST_STEPS, sizeof(struct listing), dispose, NULL };

static enum opp_code find_draft(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct listing *listing = of(call);
    void *found = NULL;
    enum opp_code rc = opp_tx_get_any(tx, &OPP_DRAFT, "id", call->param(call, "id"), &found, err);

    if (rc != OPP_OK)
        return rc;
    listing->draft = found;
    if (!opp_guard_sees_org(call->admin, listing->draft->org_id))
        return OPP_E_ABSENT;
    return find_execution(tx, listing->draft->id, &listing->execution, err);
}

static enum opp_step look(struct opp_call *call)
{
    forget(of(call));
    return opp_flow_read(call, find_draft);
}

static enum opp_step answer_draft(struct opp_call *call)
{
    const struct listing *listing = of(call);

    if (call->op.rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_DRAFT_NOT_FOUND, NULL, NULL);
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    if (opp_draft_overdue(call, listing->draft)) {
        opp_flow_goto(call, look);
        return opp_draft_expire_now(call, call->param(call, "id"));
    }
    if (opp_draft_distrust(listing->draft) != OPP_OK)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return opp_call_answer(
        call, json_pack("{s:o, s:o}", "draft", opp_shape_admin_draft(listing->draft), "execution",
                        listing->execution != NULL ? opp_shape_admin_execution(listing->execution) : json_null()));
}

static const opp_step_fn GET_STEPS[] = { look, answer_draft, opp_draft_not_expired, NULL };
const struct opp_flow OPP_FLOW_ADMIN_DRAFT_GET = { GET_STEPS, sizeof(struct listing), dispose, NULL };

static enum opp_code find_evidence(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct listing *listing = of(call);
    enum opp_code rc = find_draft(tx, call, err);

    if (rc != OPP_OK)
        return rc;
    return opp_evidence_make(tx, listing->draft, listing->execution, call->worker->gateway->audit_key,
                             &listing->evidence, err);
}

static enum opp_step look_for_evidence(struct opp_call *call)
{
    return opp_flow_read(call, find_evidence);
}

static enum opp_step answer_evidence(struct opp_call *call)
{
    if (call->op.rc == OPP_E_ABSENT)
        return opp_call_refuse(call, OPP_E_DRAFT_NOT_FOUND, NULL, NULL);
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    return opp_call_answer(call, json_incref(of(call)->evidence));
}

static const opp_step_fn EVIDENCE_STEPS[] = { look_for_evidence, answer_evidence, NULL };
const struct opp_flow OPP_FLOW_ADMIN_DRAFT_EVIDENCE = { EVIDENCE_STEPS, sizeof(struct listing), dispose, NULL };
