/* SPDX-License-Identifier: MIT
 *
 * http/framing_field.h - the header fields on whose values the framing of a request depends; for http/framing.c.
 * May include: http/framing.h.
 */
#ifndef OPP_HTTP_FRAMING_FIELD_H
#define OPP_HTTP_FRAMING_FIELD_H

#include "http/framing.h"

/* Those before OPP_FIELD_TRANSFER_ENCODING may stand in a header block once; that one not at all. Only of those up to
 * OPP_FIELD_AUTHORIZATION does the value matter. */
enum opp_field {
    OPP_FIELD_HOST,
    OPP_FIELD_CONTENT_LENGTH,
    OPP_FIELD_EXPECT,
    OPP_FIELD_AUTHORIZATION,
    OPP_FIELD_CONTENT_TYPE,
    OPP_FIELD_COOKIE,
    OPP_FIELD_IDEMPOTENCY_KEY,
    OPP_FIELD_TRANSFER_ENCODING,
    OPP_FIELD_OTHER
};

/* tchar of RFC 9110, section 5.6.2. */
bool opp_framing_is_token(char c);
char opp_framing_lower(char c);

/* Notes why a request is bad, and gives false; reason NULL: the code's own message. */
bool opp_framing_fail(struct opp_framing *framing, enum opp_code code, const char *reason);

/* A field's name, in small letters, is framing->word; then come the bytes of its value with the blanks around it, and
 * its end. False: the request is bad. */
bool opp_framing_field_begin(struct opp_framing *framing);
bool opp_framing_field_byte(struct opp_framing *framing, char c);
bool opp_framing_field_end(struct opp_framing *framing);
bool opp_framing_field_seen(const struct opp_framing *framing, enum opp_field field);

#endif
