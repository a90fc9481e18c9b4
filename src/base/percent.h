/* SPDX-License-Identifier: MIT
 *
 * base/percent.h - the percent-encoding of URIs (RFC 3986, section 2.1), and whether what it hides is text.
 * May include: base.
 */
#ifndef OPP_BASE_PERCENT_H
#define OPP_BASE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/* The byte that an escape at text (a '%' and what follows) stands for; -1 if these are not two hex digits. Reads no
 * further than a NUL. */
int opp_percent_byte(const char *text);

/* Writes the decoded bytes and a NUL; out has room for length + 1. plus: a '+' is a space. False for a broken escape,
 * a NUL byte, and bytes that are not UTF-8. text has a NUL, '&', '=', '/' or '?' at length. */
bool opp_percent_decode(const char *text, size_t length, bool plus, char *out, size_t *out_length);

/* Writes the text with all but unreserved characters (RFC 3986, section 2.3) and those in also encoded, without a NUL;
 * out has room for three times the length. Gives what is written. */
size_t opp_percent_encode(const char *text, size_t length, const char *also, char *out);

#endif
