/* SPDX-License-Identifier: MIT */
#include "base/token.h"

#include <stdint.h>
#include <string.h>

#define SECRET_BYTES 32
#define SECRET_CHARS 43
#define CHECK_CHARS 6
#define SHOWN_CHARS 8
#define KIND_MAX 4

/* CRC-32 as in IEEE 802.3, four bits at a time: each request's token is checked. */
static uint32_t crc32(const char *text, size_t length)
{
    static const uint32_t quarters[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                           0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                           0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned char)text[i];
        crc = (crc >> 4) ^ quarters[crc & 15];
        crc = (crc >> 4) ^ quarters[crc & 15];
    }
    return ~crc;
}

static void write_check(const char *text, size_t length, char check[CHECK_CHARS + 1])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint32_t crc = crc32(text, length);

    for (size_t i = CHECK_CHARS; i > 0; i--) {
        check[i - 1] = digits[crc % 62];
        crc /= 62;
    }
    check[CHECK_CHARS] = '\0';
}

static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* RFC 4648, section 5, without padding; four bits are left for the last character. */
static void write_base64url(const unsigned char bytes[SECRET_BYTES], char *text)
{
    uint32_t bits = 0;
    unsigned waiting = 0;

    for (size_t i = 0; i < SECRET_BYTES; i++) {
        bits = bits << 8 | bytes[i];
        for (waiting += 8; waiting >= 6; waiting -= 6)
            *text++ = BASE64URL[bits >> (waiting - 6) & 63];
    }
    *text = BASE64URL[bits << (6 - waiting) & 63];
}

enum opp_code opp_token_make(const char *kind, char token[OPP_TOKEN_MAX], struct opp_err *err)
{
    unsigned char secret[SECRET_BYTES];
    size_t length = strnlen(kind, KIND_MAX);
    enum opp_code rc = opp_random(secret, sizeof secret, err);

    if (rc != OPP_OK)
        return rc;
    memcpy(token, kind, length);
    write_base64url(secret, token + length);
    write_check(token, length + SECRET_CHARS, token + length + SECRET_CHARS);
    explicit_bzero(secret, sizeof secret);
    return OPP_OK;
}

bool opp_token_plausible(const char *kind, const char *text)
{
    size_t length = strlen(kind);
    char check[CHECK_CHARS + 1];

    if (strncmp(text, kind, length) != 0 || strnlen(text, OPP_TOKEN_MAX) != length + SECRET_CHARS + CHECK_CHARS)
        return false;
    if (strspn(text + length, BASE64URL) < SECRET_CHARS)
        return false;
    write_check(text, length + SECRET_CHARS, check);
    return strcmp(text + length + SECRET_CHARS, check) == 0;
}

void opp_token_hash(const char *token, char hex[OPP_HASH_HEX])
{
    opp_hash_hex(token, strlen(token), hex);
}

/* The kind ends at the first underscore; a text without one within reach is no token, and nothing of it is shown. */
void opp_token_prefix(const char *token, char prefix[OPP_TOKEN_PREFIX_MAX])
{
    const char *end = memchr(token, '_', strnlen(token, KIND_MAX));
    size_t length = end == NULL ? 0 : strnlen(token, (size_t)(end - token) + 1 + SHOWN_CHARS);

    memcpy(prefix, token, length);
    prefix[length] = '\0';
}
