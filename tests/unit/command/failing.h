/* SPDX-License-Identifier: MIT
 *
 * command/failing.h - lets the n-th thing that can fail on a call's way fail: an allocation, or a question to the
 * store. Link with failing.cmake's options. May include: store.
 */
#ifndef OPP_TESTS_FAILING_H
#define OPP_TESTS_FAILING_H

#include "store/store.h"

#include <stdbool.h>

/* The n-th from now on fails, once, on this thread or on the store's writer; 0: none. */
void failing_set(unsigned n);
/* Whether it has happened since. */
bool failing_happened(void);
/* Nothing is counted on this thread meanwhile: it is the test itself that works. */
void failing_pause(bool pause);

/* The writer's thread counts from now on. */
void failing_join_writer(struct opp_store *store);

/* Called once, on this thread, before the next write of a call is handed to the store: others may be quicker. */
void failing_before_write(void (*hook)(void *arg), void *arg);

/* Called on this thread before each effect is tried; NULL: no more. */
void failing_before_effect(void (*hook)(void *arg), void *arg);
/* No timer of the code under test runs longer than a moment. */
void failing_short_waits(bool shorten);

/* There is no randomness: what makes an id ends the process then. */
void failing_randomness(bool fails);

/* There is no memory for what an effect's receipt will be asked by. */
void failing_receipts(bool fails);

/* What the next effects come to instead of being tried; OPP_E_INTERNAL: they are tried. */
void failing_effects(enum opp_code rc);

#endif
