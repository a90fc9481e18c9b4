/* SPDX-License-Identifier: MIT
 *
 * base/utf8.h - UTF-8 as RFC 3629, section 4, has it: nothing longer than needed, no surrogates, nothing beyond
 * U+10FFFF. May include: nothing.
 */
#ifndef OPP_BASE_UTF8_H
#define OPP_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of the character that begins at bytes, of which there are length, at least one; 0: it is none, or U+0000.
 */
size_t opp_utf8_character(const char *bytes, size_t length);

/* Whether the bytes are UTF-8 and hold no U+0000. */
bool opp_utf8_valid(const char *bytes, size_t length);

#endif
