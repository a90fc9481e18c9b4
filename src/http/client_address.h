/* SPDX-License-Identifier: MIT
 *
 * http/client_address.h - whose request it is, where proxies that are trusted say for whom they ask.
 * May include: base, http/framing.h, http/match.h.
 */
#ifndef OPP_HTTP_CLIENT_ADDRESS_H
#define OPP_HTTP_CLIENT_ADDRESS_H

#include "base/net.h"
#include "http/framing.h"
#include "http/match.h"

/* The values of one header field, in the order in which they came; there are no more than the guard lets through. */
struct opp_client_lines {
    size_t count;
    struct opp_span lines[OPP_FRAMING_FIELDS_MAX];
};

/* What a request says about its way here. */
struct opp_client_claims {
    struct opp_client_lines x_forwarded_for;
    struct opp_client_lines forwarded; /* RFC 7239 */
};

struct opp_client_proxies {
    const struct opp_cidr *blocks;
    size_t count;
};

bool opp_client_is_proxy(const struct opp_client_proxies *proxies, const struct opp_address *address);

/* Gives the client's address: the hops are walked from the right, from the socket's peer on, as long as they are
 * trusted, and the first that is not is the client. A hop that is no address (unknown, a name) ends the walk, and the
 * one that told of it counts; where all are trusted, it is the first. Where both fields are there and do not agree,
 * nobody is believed: a proxy that writes one of them lets through what the client wrote into the other. Ports are
 * left out. */
struct opp_address opp_client_address(const struct opp_client_proxies *proxies, const struct opp_address *peer,
                                      const struct opp_client_claims *claims);

/* Adds a field's value, where it is one of the two; others are left out. */
void opp_client_claim(struct opp_client_claims *claims, const char *name, size_t name_length, const char *value,
                      size_t value_length);

#endif
