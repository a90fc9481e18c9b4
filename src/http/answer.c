/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "base/shared.h"
#include "http/envelope.h"
#include "http/state.h"
#include "http/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_TYPE "application/json; charset=utf-8"
/* A body below this is copied, which is cheaper than handing its memory over. */
#define COPY_MAX_BYTES 8192

/* What an answer says. logged is for our log only; it may be NULL, and so may content_type, where there is no body. */
struct outcome {
    enum opp_code code;
    int status;
    const char *content_type;
    const char *logged;
};

static const struct outcome SUCCESS = { OPP_OK, 200, CONTENT_TYPE, NULL };

/* Counts it, and writes one line for each failure of ours, and where it was asked for, one for each request. */
static void note_outcome(const struct opp_request *request, const struct outcome *outcome)
{
    const struct opp_http_context *context = &request->http->context;
    const struct opp_route *route = request->route;
    int64_t duration_ns = opp_monotonic_ns() - request->started_ns;
    bool failed = outcome->status >= 500;
    char status[16], duration[32], trace_id[OPP_TRACE_ID_LENGTH + 1];

    if (route == NULL || (route->flags & OPP_ROUTE_HIDDEN) == 0)
        opp_count_request(request, outcome->code, duration_ns);
    if (!failed && (!context->log_requests || (route != NULL && (route->flags & OPP_ROUTE_HIDDEN) != 0)))
        return;
    snprintf(status, sizeof status, "%d", outcome->status);
    snprintf(trace_id, sizeof trace_id, "%s", request->trace + OPP_TRACE_ID_AT);
    snprintf(duration, sizeof duration, "%.3f", (double)duration_ns / 1e6);
    opp_log_event(context->log, failed ? OPP_LOG_ERROR : OPP_LOG_DEBUG, failed ? "request.failed" : "request.done",
                  "request_id", request->id, "trace_id", trace_id, "method", opp_method_name(request->method), "route",
                  route != NULL ? route->path : NULL, "status", status, "code", opp_code_name(outcome->code),
                  "duration_ms", duration, "message", outcome->logged, NULL);
}

/* Whether anybody waits for the answer; ends the request otherwise. */
static bool is_wanted(struct opp_request *request)
{
    if (request->connection != NULL)
        return true;
    opp_request_end(request);
    return false;
}

static struct evbuffer *output_of(struct opp_request *request)
{
    return evhttp_request_get_output_buffer(request->ev);
}

void opp_answer_last_resort(const struct opp_http *http, const struct opp_request *request, struct evhttp_request *ev)
{
    static const char *const fields[][2] = { { "Content-Type", CONTENT_TYPE },
                                             { "Cache-Control", "no-store" },
                                             { "X-Content-Type-Options", "nosniff" },
                                             { "Content-Security-Policy", OPP_BROWSER_POLICY },
                                             { "Cross-Origin-Resource-Policy", "same-origin" },
                                             { "Referrer-Policy", "no-referrer" },
                                             { "Connection", "close" } };
    struct evkeyvalq *head = evhttp_request_get_output_headers(ev);
    struct evbuffer *out = evhttp_request_get_output_buffer(ev);

    evhttp_clear_headers(head);
    evbuffer_drain(out, evbuffer_get_length(out));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        evhttp_add_header(head, fields[i][0], fields[i][1]);
    if (request != NULL) {
        evhttp_add_header(head, "X-Request-Id", request->id);
        evhttp_add_header(head, "traceparent", request->trace);
    }
    if (http->context.tls != NULL)
        evhttp_add_header(head, OPP_TLS_HSTS_NAME, OPP_TLS_HSTS_VALUE);
    if (evhttp_request_get_command(ev) != EVHTTP_REQ_HEAD)
        evbuffer_add_reference(out, OPP_ENVELOPE_LAST_RESORT, strlen(OPP_ENVELOPE_LAST_RESORT), NULL, NULL);
    evhttp_send_reply(ev, 500, opp_status_phrase(500), NULL);
}

/* Where evhttp thinks that there is no body it adds no length; and after HEAD it would send the body all the same. */
static bool add_length(struct opp_request *request)
{
    struct evbuffer *out = output_of(request);
    char length[24];

    snprintf(length, sizeof length, "%zu", evbuffer_get_length(out));
    if (request->method == OPP_METHOD_HEAD)
        evbuffer_drain(out, evbuffer_get_length(out));
    return evhttp_add_header(evhttp_request_get_output_headers(request->ev), "Content-Length", length) == 0;
}

/* Gives the kernel what it takes at once, where libevent would first wait to be told that it takes anything. What it
 * does not take, and every error, is left to libevent. */
static void push(const struct opp_http *http, struct bufferevent *events)
{
    struct evbuffer *out = bufferevent_get_output(events);

    if (http->context.tls != NULL)
        return;
    evbuffer_unfreeze(out, 1);
    evbuffer_write(out, bufferevent_getfd(events));
    evbuffer_freeze(out, 1);
    if (evbuffer_get_length(out) > 0)
        return;
    bufferevent_disable(events, EV_WRITE);
    bufferevent_trigger(events, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS); /* evhttp hears of it when it can free things */
}

/* Sends what the output buffer holds. built: nothing of it is missing. */
static void send_answer(struct opp_request *request, const struct outcome *outcome, bool built)
{
    static const struct outcome lost = { OPP_E_INTERNAL, 500, CONTENT_TYPE, "the answer could not be written" };
    struct bufferevent *events = opp_request_bufferevent(request);
    struct opp_http *http = request->http;

    built = built && !request->failed && opp_head_add(request, outcome->content_type);
    if (request->method >= OPP_METHOD_HEAD && outcome->content_type != NULL)
        built = built && add_length(request);
    opp_request_wake(request);
    request->state = OPP_REQUEST_SENDING;
    note_outcome(request, built ? outcome : &lost);
    if (built)
        evhttp_send_reply(request->ev, outcome->status, opp_status_phrase(outcome->status), NULL);
    else
        opp_answer_last_resort(http, request, request->ev);
    push(http, events);
}

static void free_bytes(const void *data, size_t length, void *bytes)
{
    (void)data;
    (void)length;
    free(bytes);
}

/* Puts the bytes into the output buffer; takes the memory of large ones. */
static bool put_bytes(struct opp_request *request, struct opp_buf *buf)
{
    if (buf->failed)
        return false;
    if (buf->length < COPY_MAX_BYTES)
        return evbuffer_add(output_of(request), buf->bytes, buf->length) == 0;
    if (evbuffer_add_reference(output_of(request), buf->bytes, buf->length, free_bytes, buf->bytes) != 0)
        return false;
    *buf = (struct opp_buf){ 0 };
    return true;
}

void opp_request_answer(struct opp_request *request, json_t *data)
{
    struct opp_buf *body;

    if (is_wanted(request)) {
        body = &request->http->body;
        opp_buf_reset(body);
        if (data != NULL)
            opp_envelope_success(body, data);
        send_answer(request, &SUCCESS, data != NULL && put_bytes(request, body));
    }
    json_decref(data);
}

void opp_request_answer_bytes(struct opp_request *request, struct opp_buf *data)
{
    struct evbuffer *out;
    bool built;

    if (is_wanted(request)) {
        out = output_of(request);
        built = evbuffer_add(out, OPP_ENVELOPE_BEFORE, strlen(OPP_ENVELOPE_BEFORE)) == 0 && put_bytes(request, data) &&
                evbuffer_add(out, OPP_ENVELOPE_AFTER, strlen(OPP_ENVELOPE_AFTER)) == 0;
        send_answer(request, &SUCCESS, built);
    }
    opp_buf_free(data);
}

void opp_request_answer_text(struct opp_request *request, const char *content_type, struct opp_buf *text)
{
    const struct outcome outcome = { OPP_OK, 200, content_type, NULL };

    if (is_wanted(request))
        send_answer(request, &outcome, put_bytes(request, text));
    opp_buf_free(text);
}

static void let_go(const void *bytes, size_t length, void *data)
{
    (void)bytes;
    (void)length;
    opp_shared_unref(data);
}

void opp_request_answer_shared(struct opp_request *request, struct opp_shared *data)
{
    struct evbuffer *out;
    bool built;

    if (!is_wanted(request))
        return;
    out = output_of(request);
    opp_shared_ref(data);
    built = evbuffer_add(out, OPP_ENVELOPE_BEFORE, strlen(OPP_ENVELOPE_BEFORE)) == 0;
    if (!built || evbuffer_add_reference(out, opp_shared_bytes(data), opp_shared_length(data), let_go, data) != 0) {
        opp_shared_unref(data);
        built = false;
    }
    built = built && evbuffer_add(out, OPP_ENVELOPE_AFTER, strlen(OPP_ENVELOPE_AFTER)) == 0;
    send_answer(request, &SUCCESS, built);
}

void opp_request_not_modified(struct opp_request *request)
{
    static const struct outcome not_modified = { OPP_OK, 304, NULL, NULL };

    if (is_wanted(request))
        send_answer(request, &not_modified, true);
}

/* Whether the framing cannot be trusted after this refusal. */
static bool ends_connection(enum opp_code code)
{
    switch (code) {
    case OPP_E_BAD_REQUEST:
    case OPP_E_TOO_LARGE:
    case OPP_E_LENGTH_REQUIRED:
    case OPP_E_EXPECTATION:
    case OPP_E_HEADERS_TOO_LARGE:
    case OPP_E_NOT_IMPLEMENTED:
    case OPP_E_HTTP_VERSION:
        return true;
    default:
        return false;
    }
}

/* What may be said of a failure: of what is ours alone nothing, and a code that is no refusal is a defect of ours. */
static enum opp_code said_code(enum opp_code code)
{
    bool ours = strcmp(opp_code_name(code), opp_code_name(OPP_E_INTERNAL)) == 0;

    return ours || opp_code_status(code) < 400 ? OPP_E_INTERNAL : code;
}

void opp_request_refuse(struct opp_request *request, enum opp_code code, const char *message, json_t *details)
{
    enum opp_code said = said_code(code);
    bool internal = said == OPP_E_INTERNAL;
    struct outcome outcome = { said, opp_code_status(said), CONTENT_TYPE, message };
    struct opp_buf *body;

    if (is_wanted(request)) {
        if (message == NULL)
            outcome.logged = opp_code_message(code);
        if (outcome.status == 401)
            opp_request_set(request, "WWW-Authenticate", "Bearer");
        request->close = request->close || ends_connection(said);
        body = &request->http->body;
        opp_buf_reset(body);
        opp_envelope_refusal(body, said, internal ? NULL : message,
                             !internal && json_is_object(details) ? details : NULL);
        send_answer(request, &outcome, put_bytes(request, body));
    }
    json_decref(details);
}
