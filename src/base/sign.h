/* SPDX-License-Identifier: MIT
 *
 * base/sign.h - Ed25519 signatures (RFC 8032) with keys in PEM: PKCS #8 for private ones, SubjectPublicKeyInfo for
 * public ones (RFC 8410).
 * May include: base.
 */
#ifndef OPP_BASE_SIGN_H
#define OPP_BASE_SIGN_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define OPP_SIGNATURE_MAX 89 /* 64 bytes in base64, and the NUL */

struct opp_sign_key;

/* Gives a new private key. OPP_E_MEMORY, OPP_E_INTERNAL: OpenSSL has none to give. */
enum opp_code opp_sign_key_make(struct opp_sign_key **out, struct opp_err *err);
/* Gives the key of a PEM text, private or public. OPP_E_VALIDATION: it is none, or no Ed25519 key. OPP_E_MEMORY. */
enum opp_code opp_sign_key_read(const char *pem, size_t length, struct opp_sign_key **out, struct opp_err *err);
void opp_sign_key_free(struct opp_sign_key *key);

/* Appends the private key. OPP_E_INTERNAL: it has none. OPP_E_MEMORY. */
enum opp_code opp_sign_key_write(const struct opp_sign_key *key, struct opp_buf *out, struct opp_err *err);

/* Lends the public key in PEM. */
const char *opp_sign_key_public(const struct opp_sign_key *key);
/* Lends the key's name: the SHA-256 of its public key in DER, in hex. */
const char *opp_sign_key_id(const struct opp_sign_key *key);

/* Writes the signature of the bytes, in base64. OPP_E_INTERNAL: the key is a public one. OPP_E_MEMORY. */
enum opp_code opp_sign(const struct opp_sign_key *key, const void *bytes, size_t length,
                       char signature[OPP_SIGNATURE_MAX], struct opp_err *err);
/* Whether it is this key's signature of these bytes; false also when memory is out. */
bool opp_sign_holds(const struct opp_sign_key *key, const void *bytes, size_t length, const char *signature);

#endif
