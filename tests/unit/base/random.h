/* SPDX-License-Identifier: MIT
 *
 * base/random.h - random numbers that are the same in every run, so that a failure can be repeated.
 * May include: nothing.
 */
#ifndef OPP_TESTS_RANDOM_H
#define OPP_TESTS_RANDOM_H

#include <stdint.h>

/* xorshift64*: the seed, which is not 0, becomes the state. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif
