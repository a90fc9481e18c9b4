/* SPDX-License-Identifier: MIT
 *
 * policy/zone_bytes.h - TZif files made for a test, of the turns and the last line that it says.
 * May include: base.
 */
#ifndef OPP_TESTS_ZONE_BYTES_H
#define OPP_TESTS_ZONE_BYTES_H

#include "base/buf.h"

#include <stdint.h>

#define ZONE_TURNS_MAX 8

/* What is zero is left out; type 0 is offsets[0]. */
struct zone_bytes {
    char version;       /* 0: the first, with 32-bit times alone */
    const char *footer; /* NULL: none, not even its newlines */
    uint32_t leaps;
    uint32_t turns, types;
    int64_t at[ZONE_TURNS_MAX];
    unsigned char type[ZONE_TURNS_MAX];
    int32_t offsets[ZONE_TURNS_MAX];
};

/* Adds the file to out. */
void zone_bytes_write(const struct zone_bytes *zone, struct opp_buf *out);

#endif
