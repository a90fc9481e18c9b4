/* SPDX-License-Identifier: MIT */
#include "core/call.h"

#include "base/crash.h"
#include "base/json.h"
#include "base/shared.h"
#include "core/gateway.h"
#include "core/generation.h"
#include "core/told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end_call(struct opp_call *call, struct opp_reply *reply)
{
    void *state = call->state;
    const struct opp_flow *flow = call->flow;
    const struct opp_registry *registry = call->registry;
    struct opp_generation *generation = call->generation;
    struct opp_worker *worker = call->worker;
    json_t *input = call->input, *rules = call->rules;

    opp_told_refused(call, reply->code);
    if (state != NULL && flow->dispose != NULL)
        flow->dispose(state);
    call->answer(call, reply);
    free(state);
    json_decref(input);
    json_decref(rules);
    opp_registry_unpin(registry);
    opp_generation_done(generation, worker->index, worker->loop);
}

static void run_steps(struct opp_call *call)
{
    call->running = true;
    for (;;) {
        enum opp_step step = call->flow->steps[call->next_step++](call);

        if (step == OPP_DONE)
            return; /* the call is gone */
        if (step == OPP_WAIT && !call->resumed)
            break;
        call->resumed = false;
    }
    call->running = false;
}

void opp_flow_start(struct opp_call *call, const struct opp_flow *flow)
{
    call->flow = flow;
    call->next_step = 0;
    call->audit.action = flow->audit_action;
    call->state = calloc(1, flow->state_bytes != 0 ? flow->state_bytes : 1);
    if (call->state == NULL) {
        opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
        return;
    }
    run_steps(call);
}

void opp_flow_resume(struct opp_call *call)
{
    if (call->running)
        call->resumed = true;
    else
        run_steps(call);
}

void opp_flow_goto(struct opp_call *call, opp_step_fn step)
{
    call->next_step = 0;
    while (call->flow->steps[call->next_step] != step)
        call->next_step++;
}

static void resume(void *arg)
{
    opp_flow_resume(arg);
}

static void prepare(struct opp_call *call, opp_tx_fn run, void (*done)(void *arg))
{
    call->op = (struct opp_store_op){ .run = run, .done = done, .arg = call, .bytes = 4096 };
}

enum opp_step opp_flow_read(struct opp_call *call, opp_tx_fn run)
{
    prepare(call, run, resume);
    opp_store_read(call->worker->session, &call->op);
    return OPP_WAIT;
}

enum opp_step opp_flow_write(struct opp_call *call, opp_tx_fn run)
{
    return opp_flow_write_then(call, run, resume);
}

enum opp_step opp_flow_write_checked(struct opp_call *call, opp_tx_fn run)
{
    prepare(call, run, resume);
    call->op.checked = true;
    opp_store_write(call->worker->session, &call->op);
    return OPP_WAIT;
}

enum opp_step opp_flow_write_then(struct opp_call *call, opp_tx_fn run, void (*done)(void *arg))
{
    prepare(call, run, done);
    opp_store_write(call->worker->session, &call->op);
    return OPP_WAIT;
}

int64_t opp_call_now_ms(const struct opp_call *call)
{
    return opp_clock_now_ms(call->worker->gateway->clock);
}

static const char *status_of(enum opp_code code)
{
    if (code == OPP_OK || code == OPP_E_REPLAY)
        return "success";
    if (opp_code_status(code) == 403 || opp_code_status(code) == 0 || code == OPP_E_PRECONDITION)
        return "denied"; /* 0: why an action became a draft instead of being executed */
    return "failed";
}

enum opp_code opp_call_audit(struct opp_call *call, struct opp_tx *tx, const char *action, enum opp_code code,
                             const json_t *details, struct opp_err *err)
{
    struct opp_audit_event event = call->audit;

    event.action = action;
    event.code = code;
    event.status = event.status != NULL ? event.status : status_of(code);
    event.details = details;
    event.rules = call->rules;
    event.created_at = opp_call_now_ms(call);
    return opp_audit_append(tx, &event, err);
}

static void drop_reply(struct opp_reply *reply)
{
    json_decref(reply->data);
    json_decref(reply->details);
    opp_buf_free(&reply->bytes);
    opp_shared_unref(reply->shared);
    *reply = (struct opp_reply){ 0 };
}

static void answer_unavailable(struct opp_call *call)
{
    struct opp_reply unavailable = { .code = OPP_E_UNAVAILABLE, .retry_after_s = 1 };

    end_call(call, &unavailable);
}

static enum opp_code write_refusal(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    struct opp_call *call = arg;

    enum opp_code rc = opp_call_audit(call, tx, call->audit.action, call->pending.code, call->pending.details, err);

    opp_crash_point("refusal.written");
    return rc;
}

/* A denial that cannot be recorded is not answered as one: the caller learns that the gateway cannot work. */
static void refusal_written(void *arg)
{
    struct opp_call *call = arg;

    if (call->op.rc == OPP_OK) {
        opp_crash_point("refusal.committed");
        end_call(call, &call->pending);
        return;
    }
    drop_reply(&call->pending);
    answer_unavailable(call);
}

static bool recorded(const struct opp_call *call, enum opp_code code)
{
    return call->audit.action != NULL && code != OPP_E_RATE_LIMITED && code != OPP_E_UNAVAILABLE;
}

static void name_id(json_t **details, const char *name, const char *id)
{
    if (id == NULL || json_object_get(*details, name) != NULL)
        return;
    if (*details == NULL)
        *details = json_object();
    json_object_set_new(*details, name, json_string(id));
}

enum opp_step opp_call_refuse(struct opp_call *call, enum opp_code code, const char *message, json_t *details)
{
    struct opp_reply reply = {
        .code = code, .details = details, .retry_after_s = call->retry_after_s, .limit = call->limit
    };

    name_id(&reply.details, "draftId", call->audit.draft_id);
    name_id(&reply.details, "executionId", call->audit.execution_id);

    if (message != NULL) {
        snprintf(call->message, sizeof call->message, "%s", message);
        reply.message = call->message;
    }
    if (code == OPP_E_UNAVAILABLE && reply.retry_after_s == 0)
        reply.retry_after_s = 1;
    return opp_call_reply(call, &reply);
}

/* A successful read is recorded without waiting for the disk: the row is queued and owned by this. */
struct lazy_row {
    struct opp_store_op op;
    struct opp_audit_event event;
    json_t *rules; /* its own: the call's are freed on another thread */
    char text[];
};

static enum opp_code write_lazy_row(struct opp_tx *tx, void *arg, struct opp_err *err)
{
    const struct lazy_row *row = arg;

    return opp_audit_append(tx, &row->event, err);
}

static void free_lazy_row(void *arg)
{
    struct lazy_row *row = arg;

    json_decref(row->rules);
    free(row);
}

/* The event's texts that live no longer than the call. */
static const size_t EVENT_TEXTS[] = {
    offsetof(struct opp_audit_event, action),
    offsetof(struct opp_audit_event, app_id),
    offsetof(struct opp_audit_event, org_id),
    offsetof(struct opp_audit_event, key_id),
    offsetof(struct opp_audit_event, actor_user_id),
    offsetof(struct opp_audit_event, request_id),
    offsetof(struct opp_audit_event, client_request_id),
    offsetof(struct opp_audit_event, ip),
    offsetof(struct opp_audit_event, user_agent),
    offsetof(struct opp_audit_event, policy_generation),
};
#define EVENT_TEXT_COUNT (sizeof EVENT_TEXTS / sizeof EVENT_TEXTS[0])

static const char **event_text(struct opp_audit_event *event, size_t index)
{
    return (const char **)(void *)((char *)event + EVENT_TEXTS[index]);
}

/* Copies the strings that the event lends behind it. */
static struct lazy_row *lazy_row_new(struct opp_audit_event *event)
{
    size_t bytes = sizeof(struct lazy_row);
    struct lazy_row *row;
    char *at;

    for (size_t i = 0; i < EVENT_TEXT_COUNT; i++)
        bytes += *event_text(event, i) != NULL ? strlen(*event_text(event, i)) + 1 : 0;
    row = malloc(bytes);
    if (row == NULL)
        return NULL;
    row->op = (struct opp_store_op){ .run = write_lazy_row, .done = free_lazy_row, .arg = row, .bytes = bytes };
    row->event = *event;
    row->rules = event->rules != NULL ? json_deep_copy(event->rules) : NULL;
    row->event.rules = row->rules;
    at = row->text;
    for (size_t i = 0; i < EVENT_TEXT_COUNT; i++) {
        const char **text = event_text(&row->event, i);

        if (*text != NULL) {
            char *copy = at;

            at = stpcpy(copy, *text) + 1;
            *text = copy;
        }
    }
    return row;
}

/* Gives false when the trail takes no more: then the read is refused too. */
static bool record_read(struct opp_call *call)
{
    struct opp_audit_event event = call->audit;
    struct lazy_row *row;

    event.code = OPP_OK;
    event.status = "success";
    event.rules = call->rules;
    event.created_at = opp_call_now_ms(call);
    row = lazy_row_new(&event);
    if (row == NULL)
        return false;
    if (opp_store_write_lazy(call->worker->session, &row->op) == OPP_OK)
        return true;
    free_lazy_row(row);
    return false;
}

enum opp_step opp_call_reply(struct opp_call *call, struct opp_reply *reply)
{
    if (!recorded(call, reply->code)) {
        end_call(call, reply);
        return OPP_DONE;
    }
    if (reply->code == OPP_OK && !reply->replayed) {
        if (record_read(call)) {
            end_call(call, reply);
        } else {
            drop_reply(reply);
            answer_unavailable(call);
        }
        return OPP_DONE;
    }
    call->pending = *reply;
    prepare(call, write_refusal, refusal_written);
    call->op.checked = true;
    opp_store_write(call->worker->session, &call->op);
    return OPP_DONE;
}

enum opp_step opp_call_answer(struct opp_call *call, json_t *data)
{
    struct opp_reply reply = { .code = OPP_OK, .data = data };

    if (data == NULL)
        return opp_call_refuse(call, OPP_E_MEMORY, NULL, NULL);
    return opp_call_reply(call, &reply);
}

enum opp_step opp_call_answer_recorded(struct opp_call *call, json_t *data)
{
    call->audit.action = NULL;
    return opp_call_answer(call, data);
}

enum opp_step opp_call_refuse_reason(struct opp_call *call, enum opp_code code, const char *message, const char *reason)
{
    return opp_call_refuse(call, code, message, json_pack("{s:s}", "reason", reason));
}

enum opp_step opp_call_end_stream(struct opp_call *call)
{
    struct opp_reply ended = { .code = OPP_OK, .stream_ended = true };

    end_call(call, &ended);
    return OPP_DONE;
}

/* RFC 6901: ~1 is / and ~0 is ~. In place. */
static void unescape(char *part)
{
    char *to = part;

    for (const char *at = part; *at != '\0'; at++) {
        bool escaped = at[0] == '~' && (at[1] == '0' || at[1] == '1');

        *to++ = escaped ? (at[1] == '0' ? '~' : '/') : *at;
        at += escaped ? 1 : 0;
    }
    *to = '\0';
}

/* The pointer's parts as the path that clients of the protocol know: strings, and numbers where they index. */
static json_t *path_of(const char *pointer)
{
    json_t *path = json_array();
    char part[128];

    while (path != NULL && *pointer == '/') {
        size_t length = strcspn(++pointer, "/");

        snprintf(part, sizeof part, "%.*s", (int)length, pointer);
        if (part[0] != '\0' && strlen(part) < 10 && part[strspn(part, "0123456789")] == '\0') {
            json_array_append_new(path, json_integer(atoll(part)));
        } else {
            unescape(part);
            json_array_append_new(path, json_string(part));
        }
        pointer += length;
    }
    return path;
}

json_t *opp_call_issue(const char *pointer, const char *message)
{
    return json_pack("{s:[{s:s, s:o, s:s, s:s}]}", "issues", "code", "invalid", "path", path_of(pointer), "message",
                     message, "pointer", pointer);
}

enum opp_step opp_call_refuse_field(struct opp_call *call, enum opp_code code, const char *pointer, const char *message)
{
    return opp_call_refuse(call, code, NULL, opp_call_issue(pointer, message));
}

enum opp_step opp_call_fail(struct opp_call *call, enum opp_code rc, const struct opp_err *err)
{
    if (opp_code_status(rc) >= 500)
        opp_log_event(call->worker->gateway->log, OPP_LOG_ERROR, "call.failed", "request_id", call->request_id,
                      "reason", err->message, "where", err->where[0] != '\0' ? err->where : NULL, NULL);
    return opp_call_refuse(call, rc, NULL, NULL);
}

static enum opp_step check(struct opp_call *call, enum opp_schema_name schema)
{
    struct opp_err err = { 0 };
    json_t *issues = NULL;
    enum opp_code rc = opp_schemas_check(call->worker->gateway->schemas, schema, call->input, &issues, &err);

    if (rc == OPP_OK)
        return OPP_NEXT;
    if (rc != OPP_E_VALIDATION)
        return opp_call_fail(call, rc == OPP_E_LIMIT ? OPP_E_VALIDATION : rc, &err);
    return opp_call_refuse(call, OPP_E_VALIDATION, NULL, json_pack("{s:o}", "issues", issues));
}

enum opp_step opp_call_check_input(struct opp_call *call, enum opp_schema_name schema)
{
    return check(call, schema);
}

enum opp_step opp_call_check_query(struct opp_call *call, enum opp_schema_name schema)
{
    struct opp_err err = { 0 };
    json_t *coerced = NULL;
    enum opp_code rc = opp_schemas_coerce(call->worker->gateway->schemas, schema, call->input, &coerced, &err);

    if (rc != OPP_OK)
        return opp_call_fail(call, rc, &err);
    json_decref(call->input);
    call->input = coerced;
    return check(call, schema);
}

const char *opp_call_text(const struct opp_call *call, const char *field)
{
    const char *text = opp_json_text(call->input, field);

    return text != NULL && text[strspn(text, " \t\r\n\f\v")] != '\0' ? text : NULL;
}
