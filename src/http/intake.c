/* SPDX-License-Identifier: MIT */
#include "http/percent.h"
#include "http/state.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>

#define CLIENT_ID_MAX 128

/* What the header block says about the body. */
struct fields {
    size_t lengths; /* fields Content-Length */
    bool declared;  /* one of them is not 0 */
    bool encoded;   /* there is a Transfer-Encoding */
};

static bool is_client_id(const char *value)
{
    size_t length = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return length > 0 && length <= CLIENT_ID_MAX && value[length] == '\0';
}

static void read_fields(struct opp_request *request, struct fields *fields)
{
    struct evkeyval *field;

    TAILQ_FOREACH(field, evhttp_request_get_input_headers(request->ev), next)
    {
        switch (field->key[0] | 0x20) {
        case 'c':
            if (strcasecmp(field->key, "Content-Length") != 0)
                break;
            fields->lengths++;
            fields->declared = fields->declared || strspn(field->value, "0") != strlen(field->value);
            break;
        case 't':
            fields->encoded = fields->encoded || strcasecmp(field->key, "Transfer-Encoding") == 0;
            break;
        case 'x':
            if (strcasecmp(field->key, "X-Request-Id") == 0 && is_client_id(field->value))
                request->client_id = field->value;
            break;
        default:
            break;
        }
    }
}

/* evhttp reads no body after HEAD and methods that it does not know: what follows would be read as a request. */
static bool skips_body(enum opp_method method)
{
    return method == OPP_METHOD_HEAD || method == OPP_METHOD_UNKNOWN;
}

static enum opp_code check_message(struct opp_request *request)
{
    struct fields fields = { 0 };
    size_t length = evbuffer_get_length(evhttp_request_get_input_buffer(request->ev));

    read_fields(request, &fields);
    request->has_body = length > 0;
    if (fields.encoded)
        return OPP_E_LENGTH_REQUIRED;
    if (fields.lengths > 1)
        return OPP_E_BAD_REQUEST;
    if (request->method == OPP_METHOD_UNKNOWN)
        return OPP_E_NOT_IMPLEMENTED;
    if (fields.declared && skips_body(request->method))
        return OPP_E_BAD_REQUEST;
    return length > request->http->body_max_bytes ? OPP_E_TOO_LARGE : OPP_OK;
}

/* Controls have no place in a name either. */
static bool is_fair_param(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

static enum opp_code decode_params(struct opp_request *request, const struct opp_match *match)
{
    char *at = request->text + strlen(request->text) + 1;

    for (size_t i = 0; i < match->count; i++) {
        size_t length;

        if (!opp_percent_decode(match->params[i].start, match->params[i].length, false, at, &length) ||
            !is_fair_param(at, length))
            return OPP_E_BAD_REQUEST;
        request->params[i] = at;
        at += length + 1;
    }
    request->param_count = match->count;
    return OPP_OK;
}

static enum opp_code find_route(struct opp_request *request)
{
    struct opp_match match;

    opp_router_match(request->http->context.router, request->method, request->path, &match);
    if (match.allow == NULL)
        return OPP_E_ROUTE_UNKNOWN;
    if (match.route == NULL) {
        opp_request_set(request, "Allow", match.allow);
        return OPP_E_METHOD;
    }
    request->route = match.route;
    if (request->has_body && (match.route->flags & OPP_ROUTE_BODY) == 0)
        return OPP_E_BAD_REQUEST;
    return decode_params(request, &match);
}

static enum opp_code admit(struct opp_request *request, bool good_target)
{
    enum opp_code rc = check_message(request);

    if (rc != OPP_OK)
        return rc;
    return good_target ? find_route(request) : OPP_E_BAD_REQUEST;
}

void opp_http_intake(struct evhttp_request *ev, void *arg)
{
    struct opp_http *http = arg;
    struct opp_target target;
    bool good_target = opp_target_parse(evhttp_request_get_uri(ev), &target);
    struct opp_request *request = opp_request_begin(http, ev, good_target ? &target : NULL);
    enum opp_code rc;

    if (request == NULL) {
        opp_answer_last_resort(ev);
        return;
    }
    rc = admit(request, good_target);
    if (rc != OPP_OK) {
        opp_request_refuse(request, rc, NULL, NULL);
        return;
    }
    request->route->handle(request);
    /* Nothing frees a request before the loop comes round, so it may be asked here even if it was answered. */
    if (request->state == OPP_REQUEST_OPEN)
        opp_request_wait(request);
}
