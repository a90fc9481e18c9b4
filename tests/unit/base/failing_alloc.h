/* SPDX-License-Identifier: MIT
 *
 * base/failing_alloc.h - lets the n-th allocation of the code under test fail; link with --wrap for calloc and realloc.
 * May include: nothing.
 */
#ifndef OPP_TESTS_FAILING_ALLOC_H
#define OPP_TESTS_FAILING_ALLOC_H

#include <stdbool.h>

/* The countdown'th calloc or realloc from now on returns NULL, once; 0 lets all succeed. */
void failing_alloc_set(int countdown);
/* Whether it has happened since. */
bool failing_alloc_happened(void);

#endif
