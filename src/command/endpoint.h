/* SPDX-License-Identifier: MIT
 *
 * command/endpoint.h - HOST:PORT, as an operator writes it and as a URL has it.
 * May include: base.
 */
#ifndef OPP_COMMAND_ENDPOINT_H
#define OPP_COMMAND_ENDPOINT_H

#include "base/error.h"
#include "base/net.h"

#include <stdbool.h>
#include <stdint.h>

#define OPP_URL_MAX 80 /* bytes of the longest URL of an endpoint, with its NUL */

struct opp_endpoint {
    char host[OPP_ADDRESS_TEXT_MAX]; /* an IP address or "localhost"; empty: no endpoint */
    uint16_t port;
};

/* Reads 127.0.0.1:8080, [::1]:8080 or localhost:8080; port 0 lets the system choose. OPP_E_VALIDATION. */
enum opp_code opp_endpoint_parse(const char *text, struct opp_endpoint *out, struct opp_err *err);

/* Only programs on the same machine can reach it. */
bool opp_endpoint_is_loopback(const struct opp_endpoint *endpoint);

/* Writes http://host:port, or https; an endpoint on all addresses is named by the loopback one. */
void opp_endpoint_url(const struct opp_endpoint *endpoint, bool tls, char url[OPP_URL_MAX]);

#endif
