/* SPDX-License-Identifier: MIT */

/* The functions on a SHA256_CTX are those that neither allocate nor fail nor take a lock, which EVP's do: so a hash
 * needs no error path. OpenSSL 3 has them behind this level of its interface. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "base/hash.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_BYTES 64

void opp_hash(const void *bytes, size_t length, unsigned char digest[OPP_HASH_BYTES])
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    SHA256_Update(&ctx, bytes, length);
    SHA256_Final(digest, &ctx);
}

void opp_hash_hex(const void *bytes, size_t length, char hex[OPP_HASH_HEX])
{
    unsigned char digest[OPP_HASH_BYTES];

    opp_hash(bytes, length, digest);
    opp_hex(digest, sizeof digest, hex);
}

/* RFC 2104, section 2: the hash of the key, padded to a block, XOR a constant, and then the data. */
static void hash_keyed(const unsigned char key[OPP_HASH_BYTES], unsigned char constant, const void *bytes,
                       size_t length, unsigned char digest[OPP_HASH_BYTES])
{
    unsigned char block[BLOCK_BYTES];
    SHA256_CTX ctx;

    memset(block, constant, sizeof block);
    for (size_t i = 0; i < OPP_HASH_BYTES; i++)
        block[i] ^= key[i];
    SHA256_Init(&ctx);
    SHA256_Update(&ctx, block, sizeof block);
    SHA256_Update(&ctx, bytes, length);
    SHA256_Final(digest, &ctx);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(&ctx, sizeof ctx);
}

void opp_hmac_hex(const unsigned char key[OPP_HASH_BYTES], const void *bytes, size_t length, char hex[OPP_HASH_HEX])
{
    unsigned char inner[OPP_HASH_BYTES], digest[OPP_HASH_BYTES];

    hash_keyed(key, 0x36, bytes, length, inner);
    hash_keyed(key, 0x5c, inner, sizeof inner, digest);
    opp_hex(digest, sizeof digest, hex);
}

void opp_hex(const unsigned char *bytes, size_t length, char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        *hex++ = digits[bytes[i] >> 4];
        *hex++ = digits[bytes[i] & 15];
    }
    *hex = '\0';
}

enum opp_code opp_random(void *bytes, size_t length, struct opp_err *err)
{
    unsigned char *at = bytes;

    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return opp_fail(err, OPP_E_INTERNAL, "the system gives no random bytes: %s", strerrordesc_np(errno));
        at += got;
        length -= (size_t)got;
    }
    return OPP_OK;
}

bool opp_same_text(const char *a, const char *b)
{
    size_t length = strlen(a);

    return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}

uint64_t opp_hash_place(const char *bytes, size_t length)
{
    uint64_t hash = length, word;

    for (; length >= sizeof word; bytes += sizeof word, length -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, bytes, length);
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}
