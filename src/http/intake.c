/* SPDX-License-Identifier: MIT */
#include "base/percent.h"
#include "http/state.h"

#include <string.h>

#define CLIENT_ID_MAX 128

static bool is_client_id(const char *value)
{
    size_t length = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return length > 0 && length <= CLIENT_ID_MAX && value[length] == '\0';
}

static void find_client_id(struct opp_request *request)
{
    const char *value = opp_request_header(request, "X-Request-Id");

    if (value != NULL && is_client_id(value))
        request->client_id = value;
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

    opp_router_match(request->http->context.router, request->method, request->path, request->http->context.worker,
                     &match);
    if (match.allow == NULL)
        return OPP_E_ROUTE_UNKNOWN;
    if (match.route == NULL) {
        opp_request_set(request, "Allow", match.allow);
        return OPP_E_METHOD;
    }
    request->route = match.route;
    return decode_params(request, &match);
}

/* The framing of what comes here, and the target's, is the guard's to refuse; and so is a body that the route does not
 * take. */
void opp_http_intake(struct evhttp_request *ev, void *arg)
{
    struct opp_http *http = arg;
    struct opp_target target;
    bool good_target = opp_target_parse(evhttp_request_get_uri(ev), &target);
    struct opp_request *request = opp_request_begin(http, ev, good_target ? &target : NULL);
    enum opp_code rc;

    if (request == NULL) {
        opp_answer_last_resort(http, NULL, ev);
        return;
    }
    find_client_id(request);
    rc = good_target ? find_route(request) : OPP_E_BAD_REQUEST;
    if (rc != OPP_OK) {
        opp_request_refuse(request, rc, NULL, NULL);
        return;
    }
    request->route->handle(request);
    /* Nothing frees a request before the loop comes round, so it may be asked here even if it was answered. */
    if (request->state == OPP_REQUEST_OPEN)
        opp_request_wait(request);
}
