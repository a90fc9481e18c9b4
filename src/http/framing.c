/* SPDX-License-Identifier: MIT */
#include "http/framing.h"

#include "http/framing_field.h"

#include <string.h>

/* Longer than all methods, and than all versions. */
#define WORD_MAX 8

enum state {
    IN_METHOD,
    IN_TARGET,
    IN_VERSION,
    IN_LINE_END,
    IN_NAME,
    IN_VALUE,
    IN_BLOCK_END,
    IN_BODY
};

void opp_framing_init(struct opp_framing *framing, size_t head_max_bytes)
{
    *framing = (struct opp_framing){ .head_max_bytes = head_max_bytes };
}

enum opp_framing_part opp_framing_part(const struct opp_framing *framing)
{
    if (framing->state == IN_BODY)
        return OPP_FRAMING_IN_BODY;
    return framing->begun ? OPP_FRAMING_IN_HEAD : OPP_FRAMING_BETWEEN;
}

bool opp_framing_fail(struct opp_framing *framing, enum opp_code code, const char *reason)
{
    framing->code = code;
    framing->reason = reason;
    return false;
}

static bool fail(struct opp_framing *framing, const char *reason)
{
    return opp_framing_fail(framing, OPP_E_BAD_REQUEST, reason);
}

/* A byte at a time is kept of what must be compared whole. */
static void keep(struct opp_framing *framing, char c)
{
    framing->word[framing->word_length++] = c;
}

static void next_word(struct opp_framing *framing, enum state state)
{
    framing->state = (int)state;
    framing->word_length = 0;
}

static bool word_is(const struct opp_framing *framing, const char *text)
{
    return strlen(text) == framing->word_length && memcmp(framing->word, text, framing->word_length) == 0;
}

static bool end_method(struct opp_framing *framing)
{
    enum opp_method method = OPP_METHOD_GET;

    if (framing->word_length == 0)
        return fail(framing, "The request line begins with a space.");
    while (method < OPP_METHOD_UNKNOWN && !word_is(framing, opp_method_name(method)))
        method++;
    framing->method = method;
    next_word(framing, IN_TARGET);
    return method != OPP_METHOD_UNKNOWN || opp_framing_fail(framing, OPP_E_NOT_IMPLEMENTED, NULL);
}

static bool in_method(struct opp_framing *framing, char c)
{
    if (c == ' ')
        return end_method(framing);
    if (!opp_framing_is_token(c))
        return fail(framing, "The request line does not begin with a method.");
    if (framing->word_length == WORD_MAX)
        return opp_framing_fail(framing, OPP_E_NOT_IMPLEMENTED, NULL);
    keep(framing, c);
    return true;
}

static bool in_target(struct opp_framing *framing, char c)
{
    if (c == ' ') {
        framing->path.length = framing->target.path_length;
        next_word(framing, IN_VERSION);
        return opp_target_scan_end(&framing->target) || fail(framing, "The path is ambiguous.");
    }
    if (framing->target.length == 0)
        framing->path.start = framing->head_bytes - 1;
    return opp_target_scan(&framing->target, c) || fail(framing, "The target is ambiguous, or too long.");
}

static bool in_version(struct opp_framing *framing, char c)
{
    if (c == '\r') {
        framing->old = word_is(framing, "HTTP/1.0");
        framing->state = IN_LINE_END;
        return framing->old || word_is(framing, "HTTP/1.1") || opp_framing_fail(framing, OPP_E_HTTP_VERSION, NULL);
    }
    if (c <= ' ' || c >= 0x7f)
        return fail(framing, "The request line does not end with a version and CRLF.");
    if (framing->word_length == WORD_MAX)
        return opp_framing_fail(framing, OPP_E_HTTP_VERSION, NULL);
    keep(framing, c);
    return true;
}

static bool in_line_end(struct opp_framing *framing, char c)
{
    next_word(framing, IN_NAME);
    return c == '\n' || fail(framing, "A carriage return stands alone.");
}

static bool end_name(struct opp_framing *framing)
{
    if (framing->word_length == 0)
        return fail(framing, "A header has no name.");
    if (framing->fields++ == OPP_FRAMING_FIELDS_MAX)
        return opp_framing_fail(framing, OPP_E_HEADERS_TOO_LARGE, "There are too many headers.");
    framing->state = IN_VALUE;
    return opp_framing_field_begin(framing);
}

static bool in_name(struct opp_framing *framing, char c)
{
    if (c == ':')
        return end_name(framing);
    if (c == '\r' && framing->word_length == 0) {
        framing->state = IN_BLOCK_END;
        return true;
    }
    if (!opp_framing_is_token(c))
        return fail(framing, "A header's name is not a token that ends with its colon.");
    if (framing->word_length < OPP_FRAMING_WORD_MAX)
        keep(framing, opp_framing_lower(c));
    return true;
}

static bool in_value(struct opp_framing *framing, char c)
{
    if (c != '\r')
        return opp_framing_field_byte(framing, c);
    framing->state = IN_LINE_END;
    return opp_framing_field_end(framing);
}

static bool in_block_end(struct opp_framing *framing, char c)
{
    framing->state = framing->body_bytes > 0 ? IN_BODY : IN_METHOD;
    framing->body_left = framing->body_bytes;
    framing->begun = false;
    if (c != '\n')
        return fail(framing, "A carriage return stands alone.");
    if (!framing->old && !opp_framing_field_seen(framing, OPP_FIELD_HOST))
        return fail(framing, "There is no Host.");
    if (framing->method == OPP_METHOD_HEAD && framing->body_bytes > 0)
        return fail(framing, "HEAD has no body.");
    return true;
}

static bool in_head(struct opp_framing *framing, char c)
{
    static bool (*const readers[])(struct opp_framing * framing, char c) = {
        [IN_METHOD] = in_method, [IN_TARGET] = in_target, [IN_VERSION] = in_version,     [IN_LINE_END] = in_line_end,
        [IN_NAME] = in_name,     [IN_VALUE] = in_value,   [IN_BLOCK_END] = in_block_end,
    };

    if (framing->head_bytes == framing->head_max_bytes)
        return opp_framing_fail(framing, OPP_E_HEADERS_TOO_LARGE, NULL);
    framing->head_bytes++;
    return readers[framing->state](framing, c);
}

/* Most bytes of a header block are of values that mean nothing here; they are passed over at once. */
static size_t skip_value(struct opp_framing *framing, const char *bytes, size_t length)
{
    size_t left = framing->head_max_bytes - framing->head_bytes, count = 0;

    if (framing->state != IN_VALUE || !opp_framing_field_is_plain(framing))
        return 0;
    if (length > left)
        length = left;
    while (count < length && opp_framing_is_text(bytes[count]))
        count++;
    framing->head_bytes += count;
    return count;
}

static size_t read_head(struct opp_framing *framing, const char *bytes, size_t length, enum opp_framing_step *step)
{
    size_t at = 0;

    if (!framing->begun) {
        opp_framing_init(framing, framing->head_max_bytes);
        framing->begun = true;
    }
    while (at < length) {
        if (!in_head(framing, bytes[at++])) {
            *step = OPP_FRAMING_BAD;
            return at;
        }
        at += skip_value(framing, bytes + at, length - at);
        if (!framing->begun) {
            *step = framing->state == IN_BODY ? OPP_FRAMING_HEAD : OPP_FRAMING_END;
            return at;
        }
    }
    *step = OPP_FRAMING_MORE;
    return at;
}

static size_t read_body(struct opp_framing *framing, size_t length, enum opp_framing_step *step)
{
    size_t used = framing->body_left < length ? (size_t)framing->body_left : length;

    framing->body_left -= used;
    *step = OPP_FRAMING_MORE;
    if (framing->body_left == 0) {
        *step = OPP_FRAMING_END;
        framing->state = IN_METHOD;
    }
    return used;
}

size_t opp_framing_read(struct opp_framing *framing, const char *bytes, size_t length, enum opp_framing_step *step)
{
    if (framing->code != OPP_OK) {
        *step = OPP_FRAMING_BAD;
        return 0;
    }
    if (length == 0) {
        *step = OPP_FRAMING_MORE;
        return 0;
    }
    if (framing->state == IN_BODY)
        return read_body(framing, length, step);
    return read_head(framing, bytes, length, step);
}
