/* SPDX-License-Identifier: MIT */
#include "http/guard.h"

#include "http/client_address.h"
#include "http/state.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <string.h>

#define PARTS_MAX 8

/* What evhttp is to see of the input buffer is kept, the rest thrown away. */
static void cut(struct opp_connection *connection, struct evbuffer *input, size_t keep)
{
    size_t length = evbuffer_get_length(input);
    struct evbuffer *kept = NULL;

    connection->editing = true;
    if (keep > 0)
        kept = evbuffer_new();
    if (kept != NULL)
        evbuffer_remove_buffer(input, kept, keep);
    opp_connection_drop(connection, length - keep);
    evbuffer_drain(input, evbuffer_get_length(input));
    if (kept != NULL) {
        evbuffer_add_buffer(input, kept);
        evbuffer_free(kept);
    }
    connection->editing = false;
}

/* Nothing of the request that was being read, and nothing behind it, is evhttp's. */
static void refuse(struct opp_connection *connection, struct evbuffer *input, const struct opp_refusal *refusal)
{
    uint64_t begin = connection->read - connection->framing.head_bytes;
    uint64_t front = connection->received - evbuffer_get_length(input);

    connection->refused = true;
    connection->refusal = *refusal;
    cut(connection, input, begin > front ? (size_t)(begin - front) : 0);
    bufferevent_disable(connection->events, EV_READ);
    if (connection->asked == connection->answered)
        opp_connection_send_on_errand(connection);
}

/* NUL-terminates a part of the header block, which is ours and is not read again, without the blanks behind it. */
static const char *text_of(struct opp_connection *connection, const struct opp_framing_span *span)
{
    char *text = connection->head.bytes + span->start, *end = text + span->length;

    if (span->length == 0)
        return NULL;
    while (end[-1] == ' ' || end[-1] == '\t')
        end--;
    *end = '\0';
    return text;
}

static enum opp_code ask_owner(struct opp_connection *connection, const char *path, const struct opp_route *route,
                               struct opp_refusal *refusal)
{
    const struct opp_http_context *context = &connection->http->context;
    char peer[OPP_ADDRESS_TEXT_MAX];
    struct opp_http_offer offer = {
        .method = opp_method_name(connection->framing.method), .path = path, .peer = peer, .route = route->arg
    };

    if (context->admit == NULL)
        return OPP_OK;
    opp_client_of_head(connection, peer);
    offer.cookie = text_of(connection, &connection->framing.cookie);
    offer.authorization = text_of(connection, &connection->framing.authorization);
    return context->admit(context->worker, &offer, &refusal->limited);
}

/* Who sends requests and takes no answers leaves them waiting in our memory: of a body, only what was admitted. */
static void make_room(struct opp_connection *connection, size_t body_bytes)
{
    if (body_bytes == 0 && !connection->roomy)
        return;
    connection->roomy = body_bytes > 0;
    bufferevent_setwatermark(connection->events, EV_READ, 0, connection->http->input_max_bytes + body_bytes);
}

/* Whether the body that is announced may come. */
static enum opp_code judge(struct opp_connection *connection, struct opp_refusal *refusal)
{
    const struct opp_framing *framing = &connection->framing;
    const struct opp_http *http = connection->http;
    struct opp_match match;
    const char *path;

    if (framing->body_bytes > http->body_max_bytes)
        return OPP_E_TOO_LARGE;
    if (connection->head.failed)
        return OPP_E_INTERNAL;
    path = text_of(connection, &framing->path);
    opp_router_match(http->context.router, framing->method, path, http->context.worker, &match);
    refusal->allow = match.allow;
    if (match.route == NULL)
        return match.allow == NULL ? OPP_E_ROUTE_UNKNOWN : OPP_E_METHOD;
    if ((match.route->flags & OPP_ROUTE_BODY) == 0) {
        refusal->message = "This route takes no body.";
        return OPP_E_BAD_REQUEST;
    }
    return ask_owner(connection, path, match.route, refusal);
}

static void on_head(struct opp_connection *connection, struct evbuffer *input)
{
    struct opp_refusal refusal = { .code = OPP_OK };

    refusal.code = judge(connection, &refusal);
    opp_buf_free(&connection->head);
    if (refusal.code != OPP_OK)
        refuse(connection, input, &refusal);
    else
        make_room(connection, (size_t)connection->framing.body_bytes);
}

static void on_step(struct opp_connection *connection, struct evbuffer *input, enum opp_framing_step step)
{
    struct opp_refusal refusal = { .code = connection->framing.code, .message = connection->framing.reason };

    switch (step) {
    case OPP_FRAMING_MORE:
        break;
    case OPP_FRAMING_HEAD:
        on_head(connection, input);
        break;
    case OPP_FRAMING_END:
        connection->asked++;
        opp_buf_free(&connection->head);
        if (connection->framing.body_bytes == 0)
            make_room(connection, 0);
        break;
    case OPP_FRAMING_BAD:
        refuse(connection, input, &refusal);
        break;
    }
}

/* Gives how many bytes it has read. A header block is copied only where somebody will look at it as a whole. */
static size_t read_step(struct opp_connection *connection, struct evbuffer *input, const char *bytes, size_t length)
{
    struct opp_framing *framing = &connection->framing;
    bool in_body = opp_framing_part(framing) == OPP_FRAMING_IN_BODY;
    enum opp_framing_step step;
    size_t used = opp_framing_read(framing, bytes, length, &step);

    connection->read += used;
    if (!in_body && (step == OPP_FRAMING_MORE || step == OPP_FRAMING_HEAD))
        opp_buf_add(&connection->head, bytes, used);
    on_step(connection, input, step);
    return used;
}

/* Reads the parts of the buffer from an offset on, and gives the offset behind them. A refusal changes the buffer, and
 * ends the reading. */
static size_t read_parts(struct opp_connection *connection, struct evbuffer *input, size_t offset)
{
    struct evbuffer_iovec parts[PARTS_MAX];
    struct evbuffer_ptr from;
    int count;

    evbuffer_ptr_set(input, &from, offset, EVBUFFER_PTR_SET);
    count = evbuffer_peek(input, -1, &from, parts, PARTS_MAX);
    for (int i = 0; i < count && i < PARTS_MAX; i++) {
        const char *bytes = parts[i].iov_base;
        size_t used = 0;

        while (used < parts[i].iov_len && !connection->refused)
            used += read_step(connection, input, bytes + used, parts[i].iov_len - used);
        offset += used;
    }
    return offset;
}

/* orig_size is what the buffer held before. After a refusal nobody reads on until the earlier answers have left; but
 * evhttp does not know that, and sees to it with each of them that there is reading. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct opp_connection *connection = arg;
    size_t offset = info->orig_size - info->n_deleted;

    if (connection->editing || info->n_added == 0)
        return;
    connection->received += info->n_added;
    if (connection->refused) {
        cut(connection, input, offset);
        if (!connection->lingering)
            bufferevent_disable(connection->events, EV_READ);
        return;
    }
    while (!connection->refused && offset < evbuffer_get_length(input))
        offset = read_parts(connection, input, offset);
    opp_connection_settle(connection, false);
}

bool opp_connection_watch(struct opp_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->events);

    connection->watch = evbuffer_add_cb(input, on_input, connection);
    return connection->watch != NULL;
}
