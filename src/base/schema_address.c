/* SPDX-License-Identifier: MIT */
#include "base/schema_internal.h"

#include <arpa/inet.h>
#include <string.h>

#define UNRESERVED "-._~"
#define SUB_DELIMS "!$&'()*+,;="
#define ATEXT "!#$%&'*+-/=?^_`{|}~"
#define LOCAL_MAX 64
#define MAILBOX_MAX 254
#define LABEL_MAX 63

/* What is left to read. */
struct text {
    const char *at;
    const char *end;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_of(char c, const char *set)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr(set, c) != NULL);
}

static bool take(struct text *text, char c)
{
    if (text->at == text->end || *text->at != c)
        return false;
    text->at++;
    return true;
}

static size_t take_all(struct text *text, const char *set)
{
    const char *start = text->at;

    while (text->at < text->end && is_of(*text->at, set))
        text->at++;
    return (size_t)(text->at - start);
}

/* Characters of set and percent-encoded ones (RFC 3986 2.1); false at a percent sign that encodes nothing. */
static bool take_encoded(struct text *text, const char *set)
{
    for (;;) {
        take_all(text, set);
        if (text->at == text->end || *text->at != '%')
            return true;
        if (text->end - text->at < 3 || !is_hex(text->at[1]) || !is_hex(text->at[2]))
            return false;
        text->at += 3;
    }
}

static bool is_address(int family, const char *text, size_t length)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];

    if (length >= sizeof copy || memchr(text, '\0', length) != NULL)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return inet_pton(family, copy, address) == 1;
}

/* RFC 3986 3.2.2, after the bracket: IPv6address, or "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ). */
static bool is_ip_literal(const char *text, size_t length)
{
    struct text rest = { text, text + length };

    if (length == 0 || (text[0] != 'v' && text[0] != 'V'))
        return is_address(AF_INET6, text, length);
    for (rest.at++; rest.at < rest.end && is_hex(*rest.at);)
        rest.at++;
    return rest.at > text + 1 && take(&rest, '.') && take_all(&rest, UNRESERVED SUB_DELIMS ":") > 0 &&
           rest.at == rest.end;
}

static bool take_host(struct text *text)
{
    const char *close;

    if (!take(text, '['))
        return take_encoded(text, UNRESERVED SUB_DELIMS);
    close = memchr(text->at, ']', (size_t)(text->end - text->at));
    if (close == NULL || !is_ip_literal(text->at, (size_t)(close - text->at)))
        return false;
    text->at = close + 1;
    return true;
}

/* RFC 3986 3.2: [ userinfo "@" ] host [ ":" port ] */
static bool is_authority(const char *start, const char *end)
{
    struct text text = { start, end };
    const char *at = memchr(start, '@', (size_t)(end - start));

    if (at != NULL && (!take_encoded(&text, UNRESERVED SUB_DELIMS ":") || text.at != at || !take(&text, '@')))
        return false;
    if (!take_host(&text))
        return false;
    if (take(&text, ':'))
        while (text.at < text.end && is_digit(*text.at))
            text.at++;
    return text.at == text.end;
}

static bool take_authority(struct text *text)
{
    const char *start = text->at + 2;
    const char *end = start;

    if (text->end - text->at < 2 || memcmp(text->at, "//", 2) != 0)
        return true;
    while (end < text->end && *end != '/' && *end != '?' && *end != '#')
        end++;
    text->at = end;
    return is_authority(start, end);
}

/* RFC 3986 3: scheme ":" hier-part [ "?" query ] [ "#" fragment ] */
bool opp_schema_is_uri(const char *bytes, size_t length)
{
    struct text text = { bytes, bytes + length };

    if (length == 0 || !is_letter(bytes[0]))
        return false;
    take_all(&text, "+-.");
    if (!take(&text, ':') || !take_authority(&text) || !take_encoded(&text, UNRESERVED SUB_DELIMS ":@/"))
        return false;
    if (take(&text, '?') && !take_encoded(&text, UNRESERVED SUB_DELIMS ":@/?"))
        return false;
    if (take(&text, '#') && !take_encoded(&text, UNRESERVED SUB_DELIMS ":@/?"))
        return false;
    return text.at == text.end;
}

/* RFC 5321 4.1.2 Quoted-string: printable ASCII, a backslash before what would end it. */
static bool take_quoted(struct text *text)
{
    while (text->at < text->end && *text->at != '"') {
        text->at += *text->at == '\\';
        if (text->at == text->end || *text->at < ' ' || *text->at > '~')
            return false;
        text->at++;
    }
    return take(text, '"');
}

static bool take_local(struct text *text)
{
    if (take(text, '"'))
        return take_quoted(text);
    do {
        if (take_all(text, ATEXT) == 0)
            return false;
    } while (take(text, '.'));
    return true;
}

static bool take_domain(struct text *text)
{
    do {
        const char *label = text->at;
        const size_t length = take_all(text, "-");

        if (length == 0 || length > LABEL_MAX || label[0] == '-' || text->at[-1] == '-')
            return false;
    } while (take(text, '.'));
    return true;
}

/* RFC 5321 4.1.3, between the brackets. */
static bool is_mail_literal(const char *text, size_t length)
{
    if (length > 5 && memcmp(text, "IPv6:", 5) == 0)
        return is_address(AF_INET6, text + 5, length - 5);
    return is_address(AF_INET, text, length);
}

/* RFC 5321 4.1.2 Mailbox and the lengths of 4.5.3.1. */
bool opp_schema_is_email(const char *bytes, size_t length)
{
    struct text text = { bytes, bytes + length };

    if (length > MAILBOX_MAX || !take_local(&text) || text.at - bytes > LOCAL_MAX || !take(&text, '@'))
        return false;
    if (text.at < text.end && *text.at == '[')
        return text.end - text.at > 2 && text.end[-1] == ']' &&
               is_mail_literal(text.at + 1, (size_t)(text.end - text.at) - 2);
    return take_domain(&text) && text.at == text.end;
}
