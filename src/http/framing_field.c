/* SPDX-License-Identifier: MIT */
#include "http/framing_field.h"

#include <string.h>

#define CONTINUE "100-continue"

/* Where in a value a byte stands. */
enum place {
    BEFORE,
    WITHIN,
    BEHIND
};

static const struct name {
    const char *text;
    size_t length;
} NAMES[OPP_FIELD_OTHER] = {
    [OPP_FIELD_HOST] = { "host", 4 },
    [OPP_FIELD_CONTENT_LENGTH] = { "content-length", 14 },
    [OPP_FIELD_EXPECT] = { "expect", 6 },
    [OPP_FIELD_AUTHORIZATION] = { "authorization", 13 },
    [OPP_FIELD_COOKIE] = { "cookie", 6 },
    [OPP_FIELD_CONTENT_TYPE] = { "content-type", 12 },
    [OPP_FIELD_IDEMPOTENCY_KEY] = { "idempotency-key", 15 },
    [OPP_FIELD_TRANSFER_ENCODING] = { "transfer-encoding", 17 },
};

/* A host and port are those of RFC 3986, section 3.2, without user information. */
const char OPP_FRAMING_KINDS[129] = "................................"
                                    ".b.tbbbbhhbbhbb.bbbbbbbbbbhh.h.."
                                    ".bbbbbbbbbbbbbbbbbbbbbbbbbbh.htb"
                                    "tbbbbbbbbbbbbbbbbbbbbbbbbbb.t.b.";

bool opp_framing_field_seen(const struct opp_framing *framing, enum opp_field field)
{
    return (framing->seen & (1U << field)) != 0;
}

static bool fail(struct opp_framing *framing, const char *reason)
{
    return opp_framing_fail(framing, OPP_E_BAD_REQUEST, reason);
}

static enum opp_field field_of(const struct opp_framing *framing)
{
    enum opp_field field = OPP_FIELD_HOST;

    while (field < OPP_FIELD_OTHER && (NAMES[field].length != framing->word_length ||
                                       memcmp(NAMES[field].text, framing->word, framing->word_length) != 0))
        field++;
    return field;
}

bool opp_framing_field_begin(struct opp_framing *framing)
{
    enum opp_field field = field_of(framing);

    framing->field = (int)field;
    framing->place = BEFORE;
    framing->word_length = 0;
    if (field == OPP_FIELD_OTHER)
        return true;
    if (field == OPP_FIELD_TRANSFER_ENCODING)
        return opp_framing_fail(framing, OPP_E_LENGTH_REQUIRED, NULL);
    if (opp_framing_field_seen(framing, field))
        return fail(framing, "A header that must be unique is repeated.");
    framing->seen |= 1U << field;
    return true;
}

static bool in_host(struct opp_framing *framing, char c)
{
    return (framing->place != BEHIND && opp_framing_is_kind(c, 'h')) ||
           fail(framing, "The Host is not a host and a port.");
}

static bool in_length(struct opp_framing *framing, char c)
{
    uint64_t digit = (uint64_t)(c - '0');

    if (framing->place == BEHIND || c < '0' || c > '9')
        return fail(framing, "The Content-Length is not a number.");
    if (framing->body_bytes > (UINT64_MAX - digit) / 10)
        framing->body_bytes = UINT64_MAX;
    else
        framing->body_bytes = framing->body_bytes * 10 + digit;
    return true;
}

static bool in_expect(struct opp_framing *framing, char c)
{
    if (framing->place == BEHIND || opp_framing_lower(c) != CONTINUE[framing->word_length])
        return opp_framing_fail(framing, OPP_E_EXPECTATION, NULL);
    framing->word_length++;
    return true;
}

/* Of the two fields whose values are kept. */
static struct opp_framing_span *span_of(struct opp_framing *framing)
{
    return framing->field == OPP_FIELD_COOKIE ? &framing->cookie : &framing->authorization;
}

static bool in_field(struct opp_framing *framing, char c)
{
    switch (framing->field) {
    case OPP_FIELD_HOST:
        return in_host(framing, c);
    case OPP_FIELD_CONTENT_LENGTH:
        return in_length(framing, c);
    case OPP_FIELD_EXPECT:
        return in_expect(framing, c);
    default:
        span_of(framing)->start = framing->head_bytes - 1;
        return true;
    }
}

/* evhttp takes a tab before a value for a part of it, and would then answer an Expect in its own words. */
static bool in_blank(struct opp_framing *framing, char c)
{
    if (framing->place == WITHIN)
        framing->place = BEHIND;
    if (c == '\t' && framing->field == OPP_FIELD_EXPECT)
        return opp_framing_fail(framing, OPP_E_EXPECTATION, NULL);
    return true;
}

bool opp_framing_field_is_plain(const struct opp_framing *framing)
{
    return framing->field > OPP_FIELD_COOKIE || (framing->field >= OPP_FIELD_AUTHORIZATION && framing->place == WITHIN);
}

bool opp_framing_field_byte(struct opp_framing *framing, char c)
{
    if (!opp_framing_is_text(c))
        return fail(framing, c == '\n' ? "A line feed stands alone." : "A header has a control character.");
    if (opp_framing_field_is_plain(framing))
        return true;
    if (c == ' ' || c == '\t')
        return in_blank(framing, c);
    if (!in_field(framing, c))
        return false;
    framing->place = WITHIN;
    return true;
}

bool opp_framing_field_end(struct opp_framing *framing)
{
    if (framing->field == OPP_FIELD_CONTENT_LENGTH && framing->place == BEFORE)
        return fail(framing, "The Content-Length is empty.");
    if (framing->field >= OPP_FIELD_AUTHORIZATION && framing->field <= OPP_FIELD_COOKIE && framing->place == WITHIN)
        span_of(framing)->length = framing->head_bytes - 1 - span_of(framing)->start;
    if (framing->field != OPP_FIELD_EXPECT)
        return true;
    framing->expects_continue = framing->word_length == strlen(CONTINUE);
    return framing->expects_continue || opp_framing_fail(framing, OPP_E_EXPECTATION, NULL);
}
