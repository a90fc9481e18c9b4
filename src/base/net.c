/* SPDX-License-Identifier: MIT */
#include "base/net.h"

#include <arpa/inet.h>
#include <string.h>

#define V4_PREFIX_BYTES 12
#define V4_PREFIX_BITS 96

static const uint8_t V4_PREFIX[V4_PREFIX_BYTES] = { [10] = 0xff, [11] = 0xff };

/* inet_pton takes neither brackets, ports, zones nor numbers with leading zeros. */
enum opp_code opp_address_parse(const char *text, struct opp_address *out, struct opp_err *err)
{
    struct opp_address address;

    memcpy(address.bytes, V4_PREFIX, V4_PREFIX_BYTES);
    if (inet_pton(AF_INET, text, address.bytes + V4_PREFIX_BYTES) != 1 && inet_pton(AF_INET6, text, address.bytes) != 1)
        return opp_fail(err, OPP_E_VALIDATION, "not an IPv4 or IPv6 address");
    *out = address;
    return OPP_OK;
}

void opp_address_format(const struct opp_address *address, char text[OPP_ADDRESS_TEXT_MAX])
{
    if (opp_address_is_v4(address))
        inet_ntop(AF_INET, address->bytes + V4_PREFIX_BYTES, text, OPP_ADDRESS_TEXT_MAX);
    else
        inet_ntop(AF_INET6, address->bytes, text, OPP_ADDRESS_TEXT_MAX);
}

bool opp_address_is_v4(const struct opp_address *address)
{
    return memcmp(address->bytes, V4_PREFIX, V4_PREFIX_BYTES) == 0;
}

struct opp_address opp_address_limit_key(const struct opp_address *address)
{
    struct opp_address key = *address;

    if (!opp_address_is_v4(address))
        memset(key.bytes + 8, 0, 8);
    return key;
}

/* At most three digits, without a leading zero. */
static bool parse_bits(const char *text, unsigned max, unsigned *bits)
{
    size_t length = strspn(text, "0123456789");

    if (length == 0 || length > 3 || text[length] != '\0' || (length > 1 && *text == '0'))
        return false;
    for (*bits = 0; *text != '\0'; text++)
        *bits = *bits * 10 + (unsigned)(*text - '0');
    return *bits <= max;
}

/* The part of a byte, counted from bit first of the address, that lies within the block. */
static uint8_t mask_of(unsigned first, unsigned bits)
{
    if (bits >= first + 8)
        return 0xff;
    if (bits <= first)
        return 0;
    return (uint8_t)(0xff << (first + 8 - bits));
}

static bool ends_clean(const struct opp_cidr *cidr)
{
    for (unsigned i = 0; i < sizeof cidr->base.bytes; i++)
        if ((cidr->base.bytes[i] & ~mask_of(i * 8, cidr->bits)) != 0)
            return false;
    return true;
}

enum opp_code opp_cidr_parse(const char *text, struct opp_cidr *out, struct opp_err *err)
{
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char address[OPP_ADDRESS_TEXT_MAX];
    struct opp_cidr cidr = { 0 };
    unsigned bits = 128;

    if (length >= sizeof address)
        return opp_fail(err, OPP_E_VALIDATION, "not an address or block");
    memcpy(address, text, length);
    address[length] = '\0';
    if (opp_address_parse(address, &cidr.base, err) != OPP_OK)
        return OPP_E_VALIDATION;
    if (slash != NULL) {
        bool dotted = strchr(address, ':') == NULL; /* only then is the length one of IPv4 */

        if (!parse_bits(slash + 1, dotted ? 32 : 128, &bits))
            return opp_fail(err, OPP_E_VALIDATION, "not a block length of at most %d", dotted ? 32 : 128);
        bits += dotted ? V4_PREFIX_BITS : 0;
    }
    cidr.bits = (uint8_t)bits;
    if (!ends_clean(&cidr))
        return opp_fail(err, OPP_E_VALIDATION, "bits are set beyond the length of the block");
    *out = cidr;
    return OPP_OK;
}

/* A block of IPv6, even ::/0, holds no IPv4 address: who allows all of IPv6 did not speak of IPv4. */
bool opp_cidr_holds(const struct opp_cidr *cidr, const struct opp_address *address)
{
    if (opp_address_is_v4(address) && cidr->bits < V4_PREFIX_BITS)
        return false;
    for (unsigned i = 0; i < sizeof address->bytes; i++)
        if (((cidr->base.bytes[i] ^ address->bytes[i]) & mask_of(i * 8, cidr->bits)) != 0)
            return false;
    return true;
}
