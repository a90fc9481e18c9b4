/* SPDX-License-Identifier: MIT
 *
 * script/starving.h - memory that runs out and stays out; link with --wrap for malloc, calloc and realloc.
 * May include: nothing.
 */
#ifndef OPP_TESTS_STARVING_H
#define OPP_TESTS_STARVING_H

#include <stdbool.h>

/* This thread's allocations from the nth on return NULL, all of them or only that one; 0 feeds again. */
void starving_set(int nth, bool all);
/* Whether one has failed since. */
bool starving_happened(void);

#endif
