/* SPDX-License-Identifier: MIT
 *
 * http/framing.h - whether bytes are HTTP/1.1 requests that everybody on the way reads alike, before anybody reads
 * them. May include: base/code.h, http/match.h, http/target.h.
 *
 * A request that could be read in two ways is refused, not repaired (RFC 9112, section 11.2). Nothing here allocates or
 * knows of sockets: bytes go in as they come, and a verdict comes out.
 */
#ifndef OPP_HTTP_FRAMING_H
#define OPP_HTTP_FRAMING_H

#include "base/code.h"
#include "http/match.h"
#include "http/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_FRAMING_FIELDS_MAX 64
#define OPP_FRAMING_WORD_MAX 24

enum opp_framing_step {
    OPP_FRAMING_MORE, /* all is well so far, and nothing is complete */
    OPP_FRAMING_HEAD, /* the header block is complete, and a body follows */
    OPP_FRAMING_END,  /* the request is complete; where it has no body, so is its header block */
    OPP_FRAMING_BAD   /* code and reason say why; nothing more can be read */
};

enum opp_framing_part {
    OPP_FRAMING_BETWEEN, /* nothing of the next request has come */
    OPP_FRAMING_IN_HEAD,
    OPP_FRAMING_IN_BODY
};

/* Bytes of the header block, counted from its first one. */
struct opp_framing_span {
    size_t start;
    size_t length;
};

/* Make it with opp_framing_init. The members above the line are for reading; they are of the header block that is read
 * or was read last, and complete from OPP_FRAMING_HEAD or OPP_FRAMING_END until the next byte. */
struct opp_framing {
    enum opp_method method;
    size_t head_bytes;
    /* A length of 0: there is none. The last two may have blanks behind them. */
    struct opp_framing_span path, authorization, cookie;
    uint64_t body_bytes; /* what Content-Length says, UINT64_MAX for more than that */
    bool expects_continue;
    enum opp_code code; /* why a request is bad; OPP_OK while none is */
    const char *reason; /* static */
    /* -- */
    size_t head_max_bytes;
    uint64_t body_left;
    struct opp_target_scan target;
    int state;
    int field;     /* which one of those that mean something */
    int place;     /* in its value */
    unsigned seen; /* a bit for each field that may not be repeated */
    unsigned fields;
    bool old; /* HTTP/1.0 */
    bool begun;
    size_t word_length;
    char word[OPP_FRAMING_WORD_MAX];
};

/* head_max_bytes: of a header block, with its request line and the empty one. */
void opp_framing_init(struct opp_framing *framing, size_t head_max_bytes);

/* Reads bytes up to the end of a header block or of a request, and gives how many it has read; at least one where there
 * is one, unless it is bad already. Requests follow each other without end.
 * Bad are, with the code: methods other than those of enum opp_method (OPP_E_NOT_IMPLEMENTED); versions other than
 * HTTP/1.0 and HTTP/1.1 (OPP_E_HTTP_VERSION); more than head_max_bytes or OPP_FRAMING_FIELDS_MAX fields
 * (OPP_E_HEADERS_TOO_LARGE); any Transfer-Encoding (OPP_E_LENGTH_REQUIRED); an Expect that is not 100-continue
 * (OPP_E_EXPECTATION); and as OPP_E_BAD_REQUEST a target that opp_target_scan refuses, line ends that are not CRLF,
 * folded lines, names that are no tokens, control characters, a Content-Length that is not digits alone, no Host in
 * HTTP/1.1, a Host that is none, a body after HEAD, and a second Host, Content-Length, Content-Type, Authorization,
 * Cookie, Expect or Idempotency-Key. */
size_t opp_framing_read(struct opp_framing *framing, const char *bytes, size_t length, enum opp_framing_step *step);

enum opp_framing_part opp_framing_part(const struct opp_framing *framing);

#endif
