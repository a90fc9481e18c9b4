/* SPDX-License-Identifier: MIT */
#include "base/sign.h"

#include "base/hash.h"
#include "base/pem.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_BYTES 64
#define PUBLIC_PEM_MAX 256 /* it has 113 */

struct opp_sign_key {
    EVP_PKEY *pkey;
    char public_pem[PUBLIC_PEM_MAX];
    char id[OPP_HASH_HEX];
};

static bool write_public(struct opp_sign_key *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int length = -1;

    if (bio != NULL && PEM_write_bio_PUBKEY(bio, key->pkey) == 1)
        length = BIO_read(bio, key->public_pem, PUBLIC_PEM_MAX - 1);
    BIO_free(bio);
    if (length <= 0 || length >= PUBLIC_PEM_MAX - 1)
        return false;
    key->public_pem[length] = '\0';
    return true;
}

static bool write_id(struct opp_sign_key *key)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(key->pkey, &der);

    if (length > 0)
        opp_hash_hex(der, (size_t)length, key->id);
    OPENSSL_free(der);
    return length > 0;
}

/* Takes pkey, which may be NULL. */
static enum opp_code wrap(EVP_PKEY *pkey, struct opp_sign_key **out, struct opp_err *err)
{
    struct opp_sign_key *key = pkey != NULL ? calloc(1, sizeof *key) : NULL;

    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a signing key");
    }
    key->pkey = pkey;
    if (!write_public(key) || !write_id(key)) {
        opp_sign_key_free(key);
        return opp_fail(err, OPP_E_MEMORY, "no memory for a signing key");
    }
    *out = key;
    return OPP_OK;
}

enum opp_code opp_sign_key_make(struct opp_sign_key **out, struct opp_err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    EVP_PKEY *pkey = NULL;
    bool made = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_keygen(ctx, &pkey) == 1;

    EVP_PKEY_CTX_free(ctx);
    return made ? wrap(pkey, out, err) : opp_fail(err, OPP_E_INTERNAL, "no signing key can be made");
}

/* A PEM text is one or the other. */
static EVP_PKEY *read_pem(const char *pem, int length)
{
    BIO *bio = BIO_new_mem_buf(pem, length);
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, opp_pem_no_password, NULL) : NULL;

    if (bio != NULL && pkey == NULL && BIO_reset(bio) == 1)
        pkey = PEM_read_bio_PUBKEY(bio, NULL, opp_pem_no_password, NULL);
    BIO_free(bio);
    return pkey;
}

enum opp_code opp_sign_key_read(const char *pem, size_t length, struct opp_sign_key **out, struct opp_err *err)
{
    EVP_PKEY *pkey;
    bool starved;

    ERR_clear_error();
    pkey = length <= INT_MAX ? read_pem(pem, (int)length) : NULL;
    starved = length <= INT_MAX && opp_pem_starved();
    if (pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
        return wrap(pkey, out, err);
    EVP_PKEY_free(pkey);
    if (pkey == NULL && starved)
        return opp_fail(err, OPP_E_MEMORY, "no memory for a key");
    return opp_fail(err, OPP_E_VALIDATION, "this is no Ed25519 key in PEM");
}

void opp_sign_key_free(struct opp_sign_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

enum opp_code opp_sign_key_write(const struct opp_sign_key *key, struct opp_buf *out, struct opp_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long length;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        BIO_free(bio);
        return opp_fail(err, OPP_E_INTERNAL, "the private key cannot be written");
    }
    length = BIO_get_mem_data(bio, &text);
    opp_buf_add(out, text, (size_t)length);
    BIO_free(bio);
    return opp_buf_check(out, err);
}

const char *opp_sign_key_public(const struct opp_sign_key *key)
{
    return key->public_pem;
}

const char *opp_sign_key_id(const struct opp_sign_key *key)
{
    return key->id;
}

enum opp_code opp_sign(const struct opp_sign_key *key, const void *bytes, size_t length,
                       char signature[OPP_SIGNATURE_MAX], struct opp_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char raw[SIGNATURE_BYTES];
    size_t raw_length = sizeof raw;
    bool signed_it = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                     EVP_DigestSign(ctx, raw, &raw_length, bytes, length) == 1 && raw_length == sizeof raw;

    EVP_MD_CTX_free(ctx);
    if (!signed_it)
        return opp_fail(err, OPP_E_INTERNAL, "the key does not sign");
    EVP_EncodeBlock((unsigned char *)signature, raw, sizeof raw);
    return OPP_OK;
}

/* In the one way to write it: bits that the last digit has to spare are zeros. */
static bool decode(const char *signature, unsigned char raw[SIGNATURE_BYTES + 2])
{
    unsigned char again[OPP_SIGNATURE_MAX];

    if (strlen(signature) != OPP_SIGNATURE_MAX - 1 ||
        EVP_DecodeBlock(raw, (const unsigned char *)signature, OPP_SIGNATURE_MAX - 1) != SIGNATURE_BYTES + 2)
        return false;
    EVP_EncodeBlock(again, raw, SIGNATURE_BYTES);
    return strcmp((const char *)again, signature) == 0;
}

bool opp_sign_holds(const struct opp_sign_key *key, const void *bytes, size_t length, const char *signature)
{
    unsigned char raw[SIGNATURE_BYTES + 2];
    EVP_MD_CTX *ctx;
    bool holds;

    if (!decode(signature, raw))
        return false;
    ctx = EVP_MD_CTX_new();
    holds = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
            EVP_DigestVerify(ctx, raw, SIGNATURE_BYTES, bytes, length) == 1;
    EVP_MD_CTX_free(ctx);
    return holds;
}
