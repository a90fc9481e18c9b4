/* SPDX-License-Identifier: MIT
 *
 * fuzz/fuzz.h - what fuzzers share: a check that ends the process, and the input as a text.
 * May include: nothing.
 */
#ifndef OPP_TESTS_FUZZ_H
#define OPP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static inline void require(int condition)
{
    if (!condition)
        abort();
}

/* Gives the bytes with a NUL behind them, in memory of just their size, so that reading past them is found. */
static inline char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

#endif
