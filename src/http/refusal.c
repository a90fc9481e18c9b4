/* SPDX-License-Identifier: MIT */
#include "http/envelope.h"
#include "http/state.h"
#include "http/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <time.h>

/* What a refused client may still send. A socket that is closed while bytes wait in it is reset, and the client loses
 * the answer; one that never had an answer is worth less of that. */
#define DROP_MAX_BYTES ((size_t)1024 * 1024)
#define DROP_STRANGER_MAX_BYTES ((size_t)64 * 1024)
#define DATE_MAX 40

void opp_connection_drop(struct opp_connection *connection, size_t bytes)
{
    size_t max = connection->answered > 0 ? DROP_MAX_BYTES : DROP_STRANGER_MAX_BYTES;

    connection->dropped_bytes += bytes;
    if (connection->dropped_bytes <= max || connection->doomed)
        return;
    connection->doomed = true;
    opp_connection_send_on_errand(connection);
}

static void add_date(struct opp_buf *out)
{
    char text[DATE_MAX];
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    opp_buf_format(out, "Date: %s\r\n", text);
}

static void add_limit(struct opp_buf *out, const struct opp_limit *limit)
{
    char policy[OPP_LIMIT_TEXT_MAX], now[OPP_LIMIT_TEXT_MAX];

    opp_limit_format(limit, policy, now);
    opp_buf_format(out, "RateLimit-Policy: %s\r\nRateLimit: %s\r\n", policy, now);
}

static void add_head(struct opp_buf *out, const struct opp_connection *connection, const char *id, size_t length)
{
    const struct opp_refusal *refusal = &connection->refusal;
    int status = opp_code_status(refusal->code);
    char trace[OPP_TRACE_MAX];

    opp_trace_make(trace, NULL);
    opp_buf_format(out,
                   "HTTP/1.1 %d %s\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\ntraceparent: "
                   "%s\r\n" OPP_BROWSER_RULES,
                   status, opp_status_phrase(status), id, trace);
    opp_buf_text(out, "Cache-Control: no-store\r\nContent-Type: application/json; charset=utf-8\r\n");
    add_date(out);
    if (status == 401)
        opp_buf_text(out, "WWW-Authenticate: Bearer\r\n");
    if (refusal->code == OPP_E_METHOD && refusal->allow != NULL)
        opp_buf_format(out, "Allow: %s\r\n", refusal->allow);
    if (refusal->limited.retry_after_s > 0)
        opp_buf_format(out, "Retry-After: %lld\r\n", (long long)refusal->limited.retry_after_s);
    if (refusal->limited.limit.name != NULL)
        add_limit(out, &refusal->limited.limit);
    if (connection->http->context.tls != NULL)
        opp_buf_text(out, OPP_TLS_HSTS "\r\n");
    opp_buf_format(out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", length);
}

/* False: there is no memory to say anything. */
static bool write_refusal(struct opp_connection *connection, const char *id)
{
    const struct opp_refusal *refusal = &connection->refusal;
    struct opp_buf head = { 0 }, *body = &connection->http->body;
    json_t *details = refusal->code == OPP_E_RATE_LIMITED ? json_pack("{s:s}", "reason", "rate") : NULL;
    bool written;

    opp_buf_reset(body);
    opp_envelope_refusal(body, refusal->code, refusal->message, details);
    json_decref(details);
    add_head(&head, connection, id, body->length);
    if (connection->framing.method != OPP_METHOD_HEAD)
        opp_buf_add(&head, body->bytes, body->length);
    written = !body->failed && !head.failed && bufferevent_write(connection->events, head.bytes, head.length) == 0;
    opp_buf_free(&head);
    return written;
}

static void log_refusal(const struct opp_connection *connection, const char *id)
{
    const struct opp_http_context *context = &connection->http->context;
    const struct opp_refusal *refusal = &connection->refusal;

    if (context->log_requests)
        opp_log_event(context->log, OPP_LOG_DEBUG, "request.refused", "request_id", id, "code",
                      opp_code_name(refusal->code), "peer", connection->peer, "message",
                      refusal->message != NULL ? refusal->message : opp_code_message(refusal->code), NULL);
}

/* The refusal is the kernel's: the client learns that nothing follows, and may finish what it sends. */
static void on_flushed(struct bufferevent *events, void *arg)
{
    struct opp_connection *connection = arg;

    opp_tls_say_goodbye(events);
    shutdown(bufferevent_getfd(events), SHUT_WR);
    if (connection->half_closed)
        opp_connection_close(connection);
}

static void on_event(struct bufferevent *events, short what, void *arg)
{
    struct opp_connection *connection = arg;
    bool flushed = evbuffer_get_length(bufferevent_get_output(events)) == 0;

    connection->half_closed = (what & BEV_EVENT_EOF) != 0;
    if (!connection->half_closed || flushed)
        opp_connection_close(connection);
}

/* evhttp's callbacks are taken off; the one for input stays empty, because evhttp calls whatever stands there with an
 * argument of its own. */
void opp_connection_refuse(struct opp_connection *connection)
{
    struct bufferevent *events = connection->events;
    char id[OPP_ID_MAX];

    opp_id_make(id, "req_", opp_clock_now_ms(connection->http->context.clock));
    connection->lingering = true;
    opp_connection_enter(connection, connection->answered > 0 ? OPP_PHASE_LINGER : OPP_PHASE_LINGER_SHORT);
    log_refusal(connection, id);
    opp_count_refusal(connection->http, connection->refusal.code);
    bufferevent_setcb(events, NULL, on_flushed, on_event, connection);
    bufferevent_set_timeouts(events, NULL, NULL);
    if (write_refusal(connection, id) && bufferevent_enable(events, EV_READ | EV_WRITE) == 0)
        return;
    connection->doomed = true;
    opp_connection_send_on_errand(connection);
}
