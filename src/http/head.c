/* SPDX-License-Identifier: MIT */
#include "http/state.h"

#include <stddef.h>

static const struct phrase {
    int status;
    const char *text;
} PHRASES[] = {
    { 200, "OK" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 409, "Conflict" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

const char *opp_status_phrase(int status)
{
    for (size_t i = 0; i < sizeof PHRASES / sizeof *PHRASES; i++)
        if (PHRASES[i].status == status)
            return PHRASES[i].text;
    return "Unknown";
}

bool opp_head_add(struct opp_request *request, const char *content_type)
{
    struct evkeyvalq *head = evhttp_request_get_output_headers(request->ev);
    int failed = 0;

    if (content_type != NULL)
        failed |= evhttp_add_header(head, "Content-Type", content_type);
    if (!request->own_cache)
        failed |= evhttp_add_header(head, "Cache-Control", "no-store");
    failed |= evhttp_add_header(head, "X-Content-Type-Options", "nosniff");
    failed |= evhttp_add_header(head, "X-Request-Id", request->id);
    if (request->close || request->http->draining)
        failed |= evhttp_add_header(head, "Connection", "close");
    return failed == 0;
}
