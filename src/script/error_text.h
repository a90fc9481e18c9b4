/* SPDX-License-Identifier: MIT
 *
 * script/error_text.h - text that scripts made, safe to show: valid UTF-8, bounded, without control characters.
 * May include: base.
 */
#ifndef OPP_SCRIPT_ERROR_TEXT_H
#define OPP_SCRIPT_ERROR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct lua_State;

/* Whether the bytes are UTF-8 as RFC 3629 has it and hold no U+0000. */
bool opp_text_is_utf8(const char *bytes, size_t length);

#define OPP_ERROR_TEXT_BYTES 256

/* Copies at most 255 bytes of an error object into text and lends it; only strings are looked into. Never raises. */
const char *opp_error_text(struct lua_State *L, int index, char text[OPP_ERROR_TEXT_BYTES]);

#endif
