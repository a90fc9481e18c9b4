/* SPDX-License-Identifier: MIT
 *
 * script/pattern_set.h - the single-byte items of Lua patterns: classes (%a), sets ([a-z]), the dot and plain bytes.
 * May include: nothing.
 */
#ifndef OPP_SCRIPT_PATTERN_SET_H
#define OPP_SCRIPT_PATTERN_SET_H

#include <stdbool.h>
#include <stddef.h>

/* The offset behind the item that begins at offset at (below length); 0 with *why set when it is malformed. */
size_t opp_pattern_item_end(const char *pattern, size_t length, size_t at, const char **why);

/* Whether the item pattern[at, end), as found by opp_pattern_item_end, takes the byte. */
bool opp_pattern_item_takes(const char *pattern, size_t at, size_t end, unsigned char byte);

/* The same for the set pattern[at, end), brackets included. */
bool opp_pattern_set_takes(const char *pattern, size_t at, size_t end, unsigned char byte);

#endif
