/* SPDX-License-Identifier: MIT
 *
 * base/net.h - IP addresses and CIDR blocks; an IPv4-mapped IPv6 address is the IPv4 address.
 * May include: base.
 */
#ifndef OPP_BASE_NET_H
#define OPP_BASE_NET_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define OPP_ADDRESS_TEXT_MAX 48

/* 16 bytes as IPv6 has them; IPv4 is ::ffff:a.b.c.d. */
struct opp_address {
    uint8_t bytes[16];
};

struct opp_cidr {
    struct opp_address base;
    uint8_t bits; /* of 128 */
};

/* OPP_E_VALIDATION: no address (no brackets, ports, zones or leading zeros). */
enum opp_code opp_address_parse(const char *text, struct opp_address *out, struct opp_err *err);
void opp_address_format(const struct opp_address *address, char text[OPP_ADDRESS_TEXT_MAX]);
bool opp_address_is_v4(const struct opp_address *address);
/* The address itself, or the first 64 bits of an IPv6 one: what limits are counted by. */
struct opp_address opp_address_limit_key(const struct opp_address *address);

/* An address alone is a block of one. OPP_E_VALIDATION: no block, or bits set beyond its length. */
enum opp_code opp_cidr_parse(const char *text, struct opp_cidr *out, struct opp_err *err);
bool opp_cidr_holds(const struct opp_cidr *cidr, const struct opp_address *address);

#endif
