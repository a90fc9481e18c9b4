/* SPDX-License-Identifier: MIT */
#include "base/net.h"
#include "fuzz.h"
#include "http/client_address.h"

#include <arpa/inet.h>

/* The C library must read the same address, and what is written must be read as what it was. */
static void check_address(const char *text, const struct opp_address *address)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    char shown[OPP_ADDRESS_TEXT_MAX];
    struct opp_address again;
    uint8_t theirs[16];

    memcpy(theirs, mapped, sizeof mapped);
    require(inet_pton(AF_INET, text, theirs + 12) == 1 || inet_pton(AF_INET6, text, theirs) == 1);
    require(memcmp(theirs, address->bytes, sizeof theirs) == 0);
    opp_address_format(address, shown);
    require(opp_address_parse(shown, &again, NULL) == OPP_OK);
    require(memcmp(&again, address, sizeof again) == 0);
}

static int bit(const struct opp_address *address, unsigned number)
{
    return address->bytes[number / 8] >> (7 - number % 8) & 1;
}

/* One bit after the other, as nobody would do it who cares for speed. A block of IPv6 speaks of no IPv4 address. */
static int holds(const struct opp_cidr *cidr, const struct opp_address *address)
{
    if (opp_address_is_v4(address) && cidr->bits < 96)
        return 0;
    for (unsigned i = 0; i < cidr->bits; i++)
        if (bit(&cidr->base, i) != bit(address, i))
            return 0;
    return 1;
}

static void check_block(const struct opp_cidr *cidr, const uint8_t *data, size_t size)
{
    struct opp_address address = cidr->base;

    require(cidr->bits <= 128 && opp_cidr_holds(cidr, &cidr->base) == holds(cidr, &cidr->base));
    for (size_t i = 0; i < size; i++) {
        address.bytes[15 - i % 16] ^= data[i];
        require(opp_cidr_holds(cidr, &address) == holds(cidr, &address));
    }
}

/* The same bytes as what proxies say: whoever comes out is the peer or an address. */
static void check_claims(const char *text, size_t size)
{
    static const struct opp_cidr trusted = { .base.bytes = { [10] = 0xff, [11] = 0xff, [12] = 10 }, .bits = 104 };
    const struct opp_client_proxies proxies = { &trusted, 1 };
    struct opp_address stranger = { { 1 } }, proxy = { { [10] = 0xff, [11] = 0xff, [12] = 10 } }, client;
    struct opp_client_claims claims = { 0 };

    opp_client_claim(&claims, "X-Forwarded-For", strlen("X-Forwarded-For"), text, size);
    client = opp_client_address(&proxies, &stranger, &claims);
    require(memcmp(&client, &stranger, sizeof client) == 0);
    opp_client_address(&proxies, &proxy, &claims);
    claims = (struct opp_client_claims){ 0 };
    opp_client_claim(&claims, "Forwarded", strlen("Forwarded"), text, size);
    opp_client_address(&proxies, &proxy, &claims);
    opp_client_claim(&claims, "X-Forwarded-For", strlen("X-Forwarded-For"), "192.0.2.1", strlen("192.0.2.1"));
    client = opp_client_address(&proxies, &stranger, &claims);
    require(memcmp(&client, &stranger, sizeof client) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    struct opp_address address;
    struct opp_cidr cidr;

    if (opp_address_parse(text, &address, NULL) == OPP_OK)
        check_address(text, &address);
    if (opp_cidr_parse(text, &cidr, NULL) == OPP_OK)
        check_block(&cidr, data, size);
    check_claims(text, size);
    free(text);
    return 0;
}
