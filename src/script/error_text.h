/* SPDX-License-Identifier: MIT
 *
 * script/error_text.h - text that scripts made, safe to show: valid UTF-8, bounded, without control characters.
 * May include: base.
 */
#ifndef OPP_SCRIPT_ERROR_TEXT_H
#define OPP_SCRIPT_ERROR_TEXT_H

struct lua_State;

#define OPP_ERROR_TEXT_BYTES 256

/* Copies at most 255 bytes of an error object into text and lends it; only strings are looked into. Never raises. */
const char *opp_error_text(struct lua_State *L, int index, char text[OPP_ERROR_TEXT_BYTES]);

#endif
