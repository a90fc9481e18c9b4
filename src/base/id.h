/* SPDX-License-Identifier: MIT
 *
 * base/id.h - identifiers that sort by the time they were made and are never given twice.
 * May include: base.
 */
#ifndef OPP_BASE_ID_H
#define OPP_BASE_ID_H

#include <stdint.h>

#define OPP_ID_MAX 40 /* bytes of the longest id, with its NUL */

/* Writes prefix (at most 8 bytes, such as "drf_") and 26 characters of Crockford's base32 in lower case: 48 bits of
 * now_ms and 80 random bits, as a ULID has them. From any thread. */
void opp_id_make(char id[OPP_ID_MAX], const char *prefix, int64_t now_ms);

/* As opp_id_make, but a pure function of seed and n: the same every time. For ids that an effect must repeat. */
void opp_id_derive(char id[OPP_ID_MAX], const char *prefix, const char *seed, unsigned n);

/* Gives 64 random bits, from the pool that ids are made of. From any thread. */
uint64_t opp_id_random(void);

#endif
