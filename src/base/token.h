/* SPDX-License-Identifier: MIT
 *
 * base/token.h - bearer tokens: prefix, 32 random bytes in base64url, 6 characters of CRC-32.
 * May include: base.
 */
#ifndef OPP_BASE_TOKEN_H
#define OPP_BASE_TOKEN_H

#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>

#define OPP_TOKEN_AGENT "op_"
#define OPP_TOKEN_ADMIN "opa_"
#define OPP_TOKEN_MAX 64        /* bytes of the longest token, with its NUL */
#define OPP_TOKEN_PREFIX_MAX 16 /* what may be shown of one, with its NUL: the kind and 8 characters */

/* Writes a new token of the kind (one of the two constants). OPP_E_INTERNAL: no randomness. */
enum opp_code opp_token_make(const char *kind, char token[OPP_TOKEN_MAX], struct opp_err *err);

/* Whether text is a token of this kind with a right checksum: what passes is worth a look-up. */
bool opp_token_plausible(const char *kind, const char *text);

/* The hash that is stored and looked up, and the part that lists may show. */
void opp_token_hash(const char *token, char hex[OPP_HASH_HEX]);
void opp_token_prefix(const char *token, char prefix[OPP_TOKEN_PREFIX_MAX]);

#endif
