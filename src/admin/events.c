/* SPDX-License-Identifier: MIT */
#include "admin/events.h"

#include "base/jcs.h"
#include "base/json.h"
#include "core/await.h"
#include "core/gateway.h"
#include "core/guard.h"
#include "core/shape.h"
#include "store/tx.h"

#include <stdlib.h>
#include <string.h>

#define HEARTBEAT_MS 15000
#define ROWS_MAX 100
#define BACKLOG_MAX_BYTES (256 * 1024) /* a slower reader is ended, and can resume */

#define UNKNOWN "draft.unknown" /* an execution of which nobody knows yet what became: somebody has to look */

/* Audit actions that are told, and the events that they are. What else fails or is denied is no event. */
static const struct {
    const char *action, *event;
} EVENTS[] = {
    { "agent.action.draft.created", "draft.created" },
    { "agent.draft.approve", "draft.approved" },
    { "agent.draft.reject", "draft.rejected" },
    { "agent.draft.cancel", "draft.canceled" },
    { "agent.draft.expire", "draft.expired" },
    { "agent.draft.resolve", "draft.resolved" },
    { "agent.action.execute", "draft.executed" },
    { "agent_app.create", "app.created" },
    { "agent_app.update", "app.updated" },
    { "agent_app.revoke", "app.revoked" },
    { "agent_app.restore", "app.restored" },
    { "agent_app.delete", "app.deleted" },
    { "agent_app.policy.update", "app.policy_updated" },
    { "agent_app.auto_execute.update", "app.auto_execute_updated" },
    { "agent_key.create", "key.created" },
    { "agent_key.revoke", "key.revoked" },
    { "agent_key.rotate", "key.rotated" },
    { "policy.reload", "policy.reloaded" },
    { "policy.stage", "policy.staged" },
    { "policy.promote", "policy.promoted" },
    { "policy.rollback", "policy.rolled_back" },
    { "policy.discard", "policy.discarded" },
    { "freeze.create", "freeze.created" },
    { "freeze.lift", "freeze.lifted" },
    { "admin_token.create", "token.created" },
    { "admin_token.revoke", "token.revoked" },
};

struct stream {
    struct opp_await await;
    struct opp_buf out;
    int64_t seen; /* the newest row that was looked at */
    size_t found;
};

static struct stream *of(struct opp_call *call)
{
    return call->state;
}

static enum opp_code take_number(void *arg, void *record, struct opp_err *err)
{
    struct opp_audit_row *row = record;

    (void)err;
    of(arg)->seen = row->seq;
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

static enum opp_code find_head(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query newest = { .record = &OPP_AUDIT_ROW, .order = "seq", .descending = true, .limit = 1 };

    return opp_tx_each(tx, &newest, take_number, call, err);
}

static bool is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static enum opp_step find_now(struct opp_call *call)
{
    return opp_flow_read(call, find_head);
}

/* Where the client left off, or now: also where it names a row that is not there yet, which was another's before a
 * backup was restored. */
static void choose_start(struct opp_call *call)
{
    const char *id = call->last_event_id;

    if (id != NULL && is_number(id) && atoll(id) < of(call)->seen)
        of(call)->seen = atoll(id);
}

static enum opp_step open_stream(struct opp_call *call)
{
    struct stream *stream = of(call);

    if (call->op.rc != OPP_OK)
        return opp_call_fail(call, call->op.rc, &call->op.err);
    choose_start(call);
    opp_buf_text(&stream->out, ": connected\n\n");
    call->stream->begin(call, "text/event-stream; charset=utf-8");
    return OPP_NEXT;
}

static const char *event_of(const char *action)
{
    for (size_t i = 0; i < sizeof EVENTS / sizeof EVENTS[0]; i++)
        if (strcmp(EVENTS[i].action, action) == 0)
            return EVENTS[i].event;
    return NULL;
}

static json_t *member(const json_t *row, const char *name)
{
    return json_object_get(row, name);
}

/* Of a row that is damaged, what its columns say. */
static void write_event(struct opp_buf *out, const struct opp_audit_row *record, const char *event)
{
    json_t *row = NULL, *data;

    opp_json_read(record->row, strlen(record->row), &row); /* else row stays NULL, and so do its members */
    data =
        json_pack("{s:s, s:I, s:o, s:s?, s:O?, s:s?, s:O?, s:O?, s:O?}", "event", event, "seq", (json_int_t)record->seq,
                  "at", opp_shape_time(record->created_at), "app_id", record->app_id, "key_id", member(row, "key_id"),
                  "draft_id", record->draft_id, "execution_id", member(row, "execution_id"), "by",
                  member(row, "performed_by_user_id"), "details", member(row, "details"));

    opp_buf_format(out, "id: %lld\nevent: %s\ndata: ", (long long)record->seq, event);
    if (data != NULL)
        opp_jcs_write(out, data);
    else
        out->failed = true;
    opp_buf_text(out, "\n\n");
    json_decref(data);
    json_decref(row);
}

static bool is_unknown(const struct opp_audit_row *row)
{
    json_t *read = NULL;
    const char *code;
    bool unknown;

    if (strcmp(row->action, "agent.action.execute") != 0 || strcmp(row->status, "failed") != 0)
        return false;
    opp_json_read(row->row, strlen(row->row), &read);
    code = opp_json_text(read, "code");
    unknown = code != NULL && strcmp(code, opp_code_name(OPP_E_EXECUTION_UNKNOWN)) == 0;
    json_decref(read);
    return unknown;
}

static enum opp_code take(void *arg, void *record, struct opp_err *err)
{
    struct stream *stream = arg;
    struct opp_audit_row *row = record;
    const char *event = strcmp(row->status, "success") == 0 ? event_of(row->action) : NULL;

    (void)err;
    if (is_unknown(row))
        event = UNKNOWN;
    stream->found++;
    stream->seen = row->seq;
    if (event != NULL)
        write_event(&stream->out, row, event);
    opp_record_free(&OPP_AUDIT_ROW, row);
    return OPP_OK;
}

static enum opp_code find_rows(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;
    struct opp_query query = { .record = &OPP_AUDIT_ROW, .order = "seq", .limit = ROWS_MAX };

    of(call)->found = 0;
    opp_query_number(&query, "seq", OPP_ABOVE, of(call)->seen);
    opp_query_list(&query, "org_id", call->admin->org_ids);
    return opp_tx_each(tx, &query, take, of(call), err);
}

static enum opp_step find(struct opp_call *call)
{
    struct stream *stream = of(call);

    opp_await_end(&stream->await);
    if (opp_await_begin(&stream->await, call, NULL, HEARTBEAT_MS) != OPP_OK)
        return opp_call_end_stream(call);
    return opp_flow_read(call, find_rows);
}

/* False: what is missing cannot be told later on this stream, but on one that begins where the reader left off. */
static bool say(struct opp_call *call, struct opp_buf *out)
{
    bool whole = !out->failed;

    if (whole && out->length > 0)
        call->stream->write(call, out->bytes, out->length);
    opp_buf_reset(out);
    return whole;
}

/* A person who was shut out hears that, and nothing that was found since. */
static bool still_allowed(struct opp_call *call)
{
    if (opp_guard_renew(call) == OPP_OK)
        return true;
    opp_buf_reset(&of(call)->out);
    opp_buf_format(&of(call)->out, "event: error\ndata: {\"code\":\"%s\",\"status\":401}\n\n",
                   opp_code_name(OPP_E_TOKEN_INVALID));
    return false;
}

static enum opp_step send_rows(struct opp_call *call)
{
    struct stream *stream = of(call);
    bool allowed, told;

    if (stream->await.gone)
        return opp_call_end_stream(call);
    allowed = still_allowed(call);
    told = say(call, &stream->out);
    if (!allowed || !told || call->op.rc != OPP_OK || call->stream->backlog(call) > BACKLOG_MAX_BYTES)
        return opp_call_end_stream(call);
    if (stream->found == ROWS_MAX) {
        opp_flow_goto(call, find);
        return OPP_NEXT;
    }
    opp_guard_let_go(call);
    return opp_await(&stream->await);
}

static enum opp_step go_on(struct opp_call *call)
{
    struct stream *stream = of(call);

    if (stream->await.gone)
        return opp_call_end_stream(call);
    if (stream->await.timed_out)
        opp_buf_text(&stream->out, ": still here\n\n");
    opp_flow_goto(call, find);
    return OPP_NEXT;
}

static void dispose(void *state)
{
    struct stream *stream = state;

    opp_await_end(&stream->await);
    opp_buf_free(&stream->out);
}

static const opp_step_fn STEPS[] = { find_now, open_stream, find, send_rows, go_on, NULL };

const struct opp_flow OPP_FLOW_EVENTS = { STEPS, sizeof(struct stream), dispose, NULL };
