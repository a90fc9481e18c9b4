/* SPDX-License-Identifier: MIT
 *
 * policy/glob.h - names matched by patterns in which * stands for any text: "transaction.*", "*".
 * May include: nothing.
 */
#ifndef OPP_POLICY_GLOB_H
#define OPP_POLICY_GLOB_H

#include <stdbool.h>

/* In at most strlen(pattern) times strlen(text) steps. */
bool opp_glob(const char *pattern, const char *text);
/* Whether it has a star; else it is an exact name. */
bool opp_glob_is_pattern(const char *text);

#endif
