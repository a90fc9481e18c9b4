/* SPDX-License-Identifier: MIT */
#include "http/client_address.h"

#include <string.h>

#define HOP_MAX 64

/* A walk from the left gives what one from the right would find. none: no hop was read that could be the client's if
 * all hops behind it were trusted; the next one would be. */
struct walk {
    const struct opp_client_proxies *proxies;
    struct opp_address client;
    bool none;
};

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

static void walk_hop(struct walk *walk, struct opp_span hop, bool forwarded)
{
    struct opp_address address;
    char text[HOP_MAX];

    if ((forwarded && !find_for(hop, &hop)) || !read_text(hop, text) || !read_hop(text, &address)) {
        walk->none = true;
        return;
    }
    if (!walk->none && opp_client_is_proxy(walk->proxies, &address))
        return;
    walk->client = address;
    walk->none = false;
}

static struct opp_address walk_lines(const struct opp_client_proxies *proxies, const struct opp_address *peer,
                                     const struct opp_client_lines *lines, bool forwarded)
{
    struct walk walk = { .proxies = proxies, .none = true };

    for (size_t i = 0; i < lines->count; i++) {
        struct opp_span rest = lines->lines[i];

        while (rest.length > 0) {
            struct opp_span hop = take(&rest, ',');

            if (hop.length > 0)
                walk_hop(&walk, hop, forwarded);
        }
    }
    return walk.none ? *peer : walk.client;
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
