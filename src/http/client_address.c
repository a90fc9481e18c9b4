/* SPDX-License-Identifier: MIT */
#include "http/client_address.h"

#include <string.h>

#define HOP_MAX 64

bool opp_client_is_proxy(const struct opp_client_proxies *proxies, const struct opp_address *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (opp_cidr_holds(&proxies->blocks[i], address))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct opp_span trim(struct opp_span span)
{
    while (span.length > 0 && is_blank(span.start[0])) {
        span.start++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.start[span.length - 1]))
        span.length--;
    return span;
}

/* Takes what stands before the next stop that is not within quotes from the front of rest, and gives it. */
static struct opp_span take(struct opp_span *rest, char stop)
{
    struct opp_span taken = { rest->start, 0 };
    bool quoted = false;
    size_t at = 0;

    for (; at < rest->length && (quoted || rest->start[at] != stop); at++) {
        if (rest->start[at] == '"')
            quoted = !quoted;
        else if (quoted && rest->start[at] == '\\')
            at++;
    }
    taken.length = at < rest->length ? at : rest->length;
    at = taken.length < rest->length ? taken.length + 1 : rest->length;
    rest->start += at;
    rest->length -= at;
    return trim(taken);
}

/* Whether the character is behind an odd number of backslashes. */
static bool is_escaped(struct opp_span span, size_t at)
{
    size_t first = at;

    while (first > 0 && span.start[first - 1] == '\\')
        first--;
    return (at - first) % 2 == 1;
}

/* Takes the last hop from the end of rest, and gives it. Read from its end, a line is what the nearest proxy wrote as
 * far as it wrote it, whatever is in front of that: a quote that a client opens and does not close swallows nothing. */
static struct opp_span take_hop(struct opp_span *rest)
{
    struct opp_span taken;
    bool quoted = false;
    size_t at = rest->length;

    for (; at > 0 && (quoted || rest->start[at - 1] != ','); at--)
        if (rest->start[at - 1] == '"' && !is_escaped(*rest, at - 1))
            quoted = !quoted;
    taken = (struct opp_span){ rest->start + at, rest->length - at };
    rest->length = at > 0 ? at - 1 : 0;
    return trim(taken);
}

static bool is_port(const char *text)
{
    size_t length = strspn(text, "0123456789");

    return length > 0 && length <= 5 && text[length] == '\0';
}

/* An address, or an address of IPv4 or one in brackets with a port. Changes text. */
static bool read_hop(char *text, struct opp_address *out)
{
    char *end = strchr(text, ']'), *colon = strchr(text, ':');

    if (*text == '[') {
        if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2))))
            return false;
        *end = '\0';
        return strchr(text, ':') != NULL && opp_address_parse(text + 1, out, NULL) == OPP_OK;
    }
    if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        if (!is_port(colon + 1))
            return false;
        *colon = '\0';
    }
    return opp_address_parse(text, out, NULL) == OPP_OK;
}

/* A token or a quoted string, without its quotes; false where it does not fit or is not whole. */
static bool read_text(struct opp_span span, char text[HOP_MAX])
{
    bool quoted = span.length > 1 && span.start[0] == '"' && span.start[span.length - 1] == '"';
    size_t skip = quoted ? 1 : 0, length = span.length - 2 * skip;

    if (length == 0 || length >= HOP_MAX || memchr(span.start + skip, '"', length) != NULL ||
        memchr(span.start, '\\', span.length) != NULL)
        return false;
    memcpy(text, span.start + skip, length);
    text[length] = '\0';
    return true;
}

static bool is_name(struct opp_span span, const char *name)
{
    return span.length == strlen(name) && strncasecmp(span.start, name, span.length) == 0;
}

/* The one parameter "for" of a hop of Forwarded. */
static bool find_for(struct opp_span hop, struct opp_span *out)
{
    bool found = false;

    while (hop.length > 0) {
        struct opp_span value = take(&hop, ';');
        struct opp_span name = take(&value, '=');

        if (!is_name(name, "for"))
            continue;
        if (found)
            return false;
        found = true;
        *out = value;
    }
    return found;
}

static bool read_address(struct opp_span hop, bool forwarded, struct opp_address *out)
{
    char text[HOP_MAX];

    return (!forwarded || find_for(hop, &hop)) && read_text(hop, text) && read_hop(text, out);
}

/* Walks the hops of a line from the right. False: the walk ended here, and *client is the client. */
static bool walk_line(const struct opp_client_proxies *proxies, struct opp_span rest, bool forwarded,
                      struct opp_address *client)
{
    while (rest.length > 0) {
        struct opp_span hop = take_hop(&rest);
        struct opp_address address;

        if (hop.length == 0)
            continue;
        if (!read_address(hop, forwarded, &address))
            return false;
        *client = address;
        if (!opp_client_is_proxy(proxies, client))
            return false;
    }
    return true;
}

static struct opp_address walk_lines(const struct opp_client_proxies *proxies, const struct opp_address *peer,
                                     const struct opp_client_lines *lines, bool forwarded)
{
    struct opp_address client = *peer;
    size_t i = lines->count;

    while (i > 0 && walk_line(proxies, lines->lines[i - 1], forwarded, &client))
        i--;
    return client;
}

struct opp_address opp_client_address(const struct opp_client_proxies *proxies, const struct opp_address *peer,
                                      const struct opp_client_claims *claims)
{
    struct opp_address old, new;

    if (!opp_client_is_proxy(proxies, peer))
        return *peer;
    old = walk_lines(proxies, peer, &claims->x_forwarded_for, false);
    new = walk_lines(proxies, peer, &claims->forwarded, true);
    if (claims->forwarded.count == 0)
        return old;
    if (claims->x_forwarded_for.count == 0)
        return new;
    return memcmp(&old, &new, sizeof old) == 0 ? old : *peer;
}

static void add_line(struct opp_client_lines *lines, const char *value, size_t length)
{
    if (lines->count < OPP_FRAMING_FIELDS_MAX)
        lines->lines[lines->count++] = (struct opp_span){ value, length };
}

void opp_client_claim(struct opp_client_claims *claims, const char *name, size_t name_length, const char *value,
                      size_t value_length)
{
    struct opp_span span = { name, name_length };

    if (is_name(span, "X-Forwarded-For"))
        add_line(&claims->x_forwarded_for, value, value_length);
    else if (is_name(span, "Forwarded"))
        add_line(&claims->forwarded, value, value_length);
}
