/* SPDX-License-Identifier: MIT */
#include "http/state.h"
#include "http/tls.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define BLOCK_MAX_BYTES 640

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

/* The fields that every answer has, but for the name of the first. */
static size_t write_block(const struct opp_request *request, const char *content_type, char block[BLOCK_MAX_BYTES])
{
    int length =
        snprintf(block, BLOCK_MAX_BYTES, "nosniff\r\n" OPP_BROWSER_RULES "X-Request-Id: %s\r\ntraceparent: %s%s%s%s%s",
                 request->id, request->trace, request->http->context.tls != NULL ? "\r\n" OPP_TLS_HSTS : "",
                 request->own_cache ? "" : "\r\nCache-Control: no-store",
                 content_type != NULL ? "\r\nContent-Type: " : "", content_type != NULL ? content_type : "");

    return length > 0 && length < BLOCK_MAX_BYTES ? (size_t)length : 0;
}

/* evhttp takes three allocations and a formatted print for a field, a twentieth of an answer's whole time for
 * four. So it gets them as one, and because it takes no value with line breaks, the value is written over blanks
 * of the same length. */
static bool add_block(struct evkeyvalq *head, const char *block, size_t length)
{
    char blanks[BLOCK_MAX_BYTES];
    struct evkeyval *field;

    memset(blanks, ' ', length);
    blanks[length] = '\0';
    if (length == 0 || evhttp_add_header(head, "X-Content-Type-Options", blanks) != 0)
        return false;
    field = TAILQ_LAST(head, evkeyvalq);
    memcpy(field->value, block, length);
    return true;
}

bool opp_head_add(struct opp_request *request, const char *content_type)
{
    struct evkeyvalq *head = evhttp_request_get_output_headers(request->ev);
    char block[BLOCK_MAX_BYTES];
    size_t length = write_block(request, content_type, block);

    if (!add_block(head, block, length))
        return false;
    if (!request->close && !request->http->draining)
        return true;
    return evhttp_add_header(head, "Connection", "close") == 0;
}
