/* SPDX-License-Identifier: MIT
 *
 * http/framing_vectors.h - requests that must be refused, with the code, and requests that must not.
 * May include: base.
 */
#ifndef OPP_TESTS_FRAMING_VECTORS_H
#define OPP_TESTS_FRAMING_VECTORS_H

#include "base/code.h"

#include <stddef.h>

struct framing_vector {
    const char *name;
    const char *bytes;
    size_t length;
    enum opp_code code; /* OPP_OK: it is complete and fair */
};

extern const struct framing_vector FRAMING_BAD[];
extern const size_t FRAMING_BAD_COUNT;
extern const struct framing_vector FRAMING_FAIR[];
extern const size_t FRAMING_FAIR_COUNT;

#endif
