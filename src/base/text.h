/* SPDX-License-Identifier: MIT
 *
 * base/text.h - copies of texts for records that own theirs, and texts among others.
 * May include: base.
 */
#ifndef OPP_BASE_TEXT_H
#define OPP_BASE_TEXT_H

#include "base/code.h"

#include <stdbool.h>

/* Gives a copy; NULL for NULL. *failed becomes true when memory ran out and is left alone otherwise, so that the many
 * copies of one record are checked once. */
char *opp_text_copy(const char *text, bool *failed);

/* Puts a copy of text in the place of what *owned is, which is freed. OPP_E_MEMORY: *owned is as it was. */
enum opp_code opp_text_replace(char **owned, const char *text);

/* Whether the text, which may be NULL, is one of names, which end with NULL. */
bool opp_text_is_one_of(const char *text, const char *const *names);

#endif
