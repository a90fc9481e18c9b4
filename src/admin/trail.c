/* SPDX-License-Identifier: MIT */
#include "admin/trail.h"

#include "audit/checkpoint.h"
#include "audit/verify.h"
#include "base/json.h"
#include "core/call.h"
#include "core/gateway.h"
#include "core/page.h"
#include "core/shape.h"
#include "store/tx.h"

#include <string.h>

#define ROWS_A_PIECE 2000 /* some ten milliseconds */

struct trail {
    struct opp_page page;
    struct opp_verify verify;
};

static struct trail *of(struct opp_call *call)
{
    return call->state;
}

static void dispose(void *state)
{
    struct trail *trail = state;

    opp_page_clear(&trail->page);
    opp_verify_clear(&trail->verify);
}

/* What the columns say of a row whose bytes cannot be read: whoever looks through the trail passes it by. */
static json_t *shape_damaged(const struct opp_audit_row *row)
{
    return json_pack("{s:I, s:o, s:s?, s:s?, s:s?, s:s?, s:s?, s:b}", "seq", (json_int_t)row->seq, "created_at",
                     opp_shape_time(row->created_at), "action", row->action, "status", row->status, "app_id",
                     row->app_id, "draft_id", row->draft_id, "event_hash", row->event_hash, "damaged", 1);
}

/* The stored bytes, and the hash that covers them. */
static json_t *shape_row(void *record, struct opp_tx *tx)
{
    const struct opp_audit_row *row = record;
    json_t *shown = NULL;
    enum opp_code rc = opp_json_read(row->row, strlen(row->row), &shown);

    (void)tx;
    if (rc == OPP_E_INTERNAL || (rc == OPP_OK && !json_is_object(shown))) {
        json_decref(shown);
        return shape_damaged(row);
    }
    if (rc != OPP_OK || json_object_set_new(shown, "event_hash", json_string(row->event_hash)) != 0) {
        json_decref(shown);
        return NULL;
    }
    return shown;
}

static enum opp_code find_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_AUDIT_ROW };

    opp_query_text(&query, "app_id", OPP_EQUAL, opp_call_text(call, "appId"));
    opp_query_text(&query, "action", OPP_EQUAL, opp_call_text(call, "action"));
    opp_query_text(&query, "status", OPP_EQUAL, opp_call_text(call, "status"));
    opp_query_list(&query, "org_id", call->admin->org_ids);
    return opp_page_read(&of(call)->page, call, tx, &query, shape_row, err);
}

static enum opp_step read_query(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_AUDIT_LIST);
}

static enum opp_step list(struct opp_call *call)
{
    return opp_flow_read(call, find_rows);
}

static enum opp_step answer_list(struct opp_call *call)
{
    return opp_page_answer(&of(call)->page, call);
}

static const opp_step_fn LIST_STEPS[] = { read_query, list, answer_list, NULL };
const struct opp_flow OPP_FLOW_AUDIT_LIST = { LIST_STEPS, sizeof(struct trail), dispose, NULL };

static enum opp_code verify(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_verify *checked = &of(call)->verify;

    checked->terms = (struct opp_verify_terms){ .keys = &call->worker->gateway->audit_key, .key_count = 1 };
    return opp_verify_rows(checked, tx, ROWS_A_PIECE, err);
}

static enum opp_step walk(struct opp_call *call)
{
    return opp_flow_read(call, verify);
}

static void go_on(void *arg)
{
    opp_flow_resume(arg);
}

/* Others have their turn between two pieces. */
static enum opp_step pause_walk(struct opp_call *call)
{
    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    if (of(call)->verify.done)
        return OPP_NEXT;
    opp_flow_goto(call, walk);
    return opp_timer_start(call->worker->loop, 0, go_on, call) != NULL
               ? OPP_WAIT
               : opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
}

static enum opp_step answer_verdict(struct opp_call *call)
{
    const struct opp_verify *checked = &of(call)->verify;
    const struct opp_chain *chain = &checked->chain;
    bool holds = chain->first_bad == 0;

    return opp_call_answer(
        call, json_pack("{s:b, s:I, s:o, s:s?, s:I, s:I}", "ok", holds, "rows", (json_int_t)chain->rows, "firstBad",
                        holds ? json_null() : json_integer(chain->first_bad), "reason", holds ? NULL : chain->why,
                        "first", (json_int_t)checked->first, "checkpoints", (json_int_t)checked->checkpoints));
}

static const opp_step_fn VERIFY_STEPS[] = { walk, pause_walk, answer_verdict, NULL };
const struct opp_flow OPP_FLOW_AUDIT_VERIFY = { VERIFY_STEPS, sizeof(struct trail), dispose, NULL };

static json_t *shape_checkpoint(void *record, struct opp_tx *tx)
{
    (void)tx;
    return opp_checkpoint_show(record);
}

static enum opp_code find_checkpoints(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_CHECKPOINT };

    return opp_page_read(&of(call)->page, call, tx, &query, shape_checkpoint, err);
}

static enum opp_step read_page_query(struct opp_call *call)
{
    return opp_call_check_query(call, OPP_SCHEMA_LIST);
}

static enum opp_step list_checkpoints(struct opp_call *call)
{
    return opp_flow_read(call, find_checkpoints);
}

static const opp_step_fn CHECKPOINT_STEPS[] = { read_page_query, list_checkpoints, answer_list, NULL };
const struct opp_flow OPP_FLOW_AUDIT_CHECKPOINTS = { CHECKPOINT_STEPS, sizeof(struct trail), dispose, NULL };

static enum opp_step answer_key(struct opp_call *call)
{
    const struct opp_sign_key *key = call->worker->gateway->audit_key;

    return opp_call_answer(call, json_pack("{s:s, s:s, s:s}", "algorithm", "Ed25519", "key", opp_sign_key_id(key),
                                           "publicKey", opp_sign_key_public(key)));
}

static const opp_step_fn KEY_STEPS[] = { answer_key, NULL };
const struct opp_flow OPP_FLOW_AUDIT_KEY = { KEY_STEPS, 0, NULL, NULL };
