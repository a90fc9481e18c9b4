/* SPDX-License-Identifier: MIT
 *
 * base/hash.h - SHA-256 and HMAC-SHA-256 as lower-case hex, random bytes, constant-time comparison.
 * May include: base.
 */
#ifndef OPP_BASE_HASH_H
#define OPP_BASE_HASH_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPP_HASH_BYTES 32
#define OPP_HASH_HEX 65 /* 64 hex digits and the NUL */

void opp_hash(const void *bytes, size_t length, unsigned char digest[OPP_HASH_BYTES]);
void opp_hash_hex(const void *bytes, size_t length, char hex[OPP_HASH_HEX]);
void opp_hmac_hex(const unsigned char key[OPP_HASH_BYTES], const void *bytes, size_t length, char hex[OPP_HASH_HEX]);
void opp_hex(const unsigned char *bytes, size_t length, char *hex); /* 2 * length digits and a NUL */
/* For a place in a table of ours: quick, and no secret is safe in it. */
uint64_t opp_hash_place(const char *bytes, size_t length);
/* OPP_E_INTERNAL: the system has no randomness to give; refuse whatever needed it. */
enum opp_code opp_random(void *bytes, size_t length, struct opp_err *err);
bool opp_same_text(const char *a, const char *b); /* in time that depends on the lengths only */

#endif
