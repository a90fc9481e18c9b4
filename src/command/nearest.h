/* SPDX-License-Identifier: MIT
 *
 * command/nearest.h - the name that somebody probably meant.
 * May include: nothing.
 */
#ifndef OPP_COMMAND_NEAREST_H
#define OPP_COMMAND_NEAREST_H

#include <stddef.h>

/* Lends the one of count names that takes the fewest changes to get from word (a letter more, less or other, or two
 * swapped); NULL when none is near. The first of equals wins. */
const char *opp_nearest(const char *word, const char *const *names, size_t count);

#endif
