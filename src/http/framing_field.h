/* SPDX-License-Identifier: MIT
 *
 * http/framing_field.h - the header fields on whose values the framing of a request depends; for http/framing.c.
 * May include: http/framing.h.
 */
#ifndef OPP_HTTP_FRAMING_FIELD_H
#define OPP_HTTP_FRAMING_FIELD_H

#include "http/framing.h"

/* Those before OPP_FIELD_TRANSFER_ENCODING may stand in a header block once; that one not at all. Only of those up to
 * OPP_FIELD_COOKIE does the value matter. */
enum opp_field {
    OPP_FIELD_HOST,
    OPP_FIELD_CONTENT_LENGTH,
    OPP_FIELD_EXPECT,
    OPP_FIELD_AUTHORIZATION,
    OPP_FIELD_COOKIE,
    OPP_FIELD_CONTENT_TYPE,
    OPP_FIELD_IDEMPOTENCY_KEY,
    OPP_FIELD_TRANSFER_ENCODING,
    OPP_FIELD_OTHER
};

/* What a byte of ASCII may be part of: t a token, h a host and port, b both, and a full stop neither. */
extern const char OPP_FRAMING_KINDS[129];

static inline bool opp_framing_is_kind(char c, char kind)
{
    unsigned char byte = (unsigned char)c;

    return byte < 128 && (OPP_FRAMING_KINDS[byte] == kind || OPP_FRAMING_KINDS[byte] == 'b');
}

/* tchar of RFC 9110, section 5.6.2. */
static inline bool opp_framing_is_token(char c)
{
    return opp_framing_is_kind(c, 't');
}

/* What a field's value may have: all but control characters. */
static inline bool opp_framing_is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static inline char opp_framing_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Notes why a request is bad, and gives false; reason NULL: the code's own message. */
bool opp_framing_fail(struct opp_framing *framing, enum opp_code code, const char *reason);

/* A field's name, in small letters, is framing->word; then come the bytes of its value with the blanks around it, and
 * its end. False: the request is bad. */
bool opp_framing_field_begin(struct opp_framing *framing);
bool opp_framing_field_byte(struct opp_framing *framing, char c);
/* Whether nothing in the value matters but that all of it is text. */
bool opp_framing_field_is_plain(const struct opp_framing *framing);
bool opp_framing_field_end(struct opp_framing *framing);
bool opp_framing_field_seen(const struct opp_framing *framing, enum opp_field field);

#endif
