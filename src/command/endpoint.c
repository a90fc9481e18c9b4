/* SPDX-License-Identifier: MIT */
#include "command/endpoint.h"

#include <stdio.h>
#include <string.h>

static enum opp_code refuse(struct opp_err *err)
{
    return opp_fail(err, OPP_E_VALIDATION, "must be HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080");
}

static bool read_port(const char *text, uint16_t *out)
{
    unsigned number = 0;

    if (*text == '\0' || strlen(text) > 5)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        number = number * 10 + (unsigned)(*text - '0');
    }
    *out = (uint16_t)number;
    return number <= UINT16_MAX;
}

static bool read_host(const char *text, size_t length, struct opp_endpoint *out)
{
    bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
    struct opp_address address;

    if (bracketed) {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof out->host)
        return false;
    snprintf(out->host, sizeof out->host, "%.*s", (int)length, text);
    if (bracketed != (strchr(out->host, ':') != NULL))
        return false;
    return strcmp(out->host, "localhost") == 0 || opp_address_parse(out->host, &address, NULL) == OPP_OK;
}

enum opp_code opp_endpoint_parse(const char *text, struct opp_endpoint *out, struct opp_err *err)
{
    const char *colon = strrchr(text, ':');
    struct opp_endpoint endpoint = { .port = 0 };

    if (colon == NULL || !read_host(text, (size_t)(colon - text), &endpoint) || !read_port(colon + 1, &endpoint.port))
        return refuse(err);
    *out = endpoint;
    return OPP_OK;
}

static bool is_in(const struct opp_endpoint *endpoint, const char *block)
{
    struct opp_address address;
    struct opp_cidr cidr;

    return opp_address_parse(endpoint->host, &address, NULL) == OPP_OK &&
           opp_cidr_parse(block, &cidr, NULL) == OPP_OK && opp_cidr_holds(&cidr, &address);
}

bool opp_endpoint_is_loopback(const struct opp_endpoint *endpoint)
{
    return strcmp(endpoint->host, "localhost") == 0 || is_in(endpoint, "127.0.0.0/8") || is_in(endpoint, "::1");
}

void opp_endpoint_url(const struct opp_endpoint *endpoint, bool tls, char url[OPP_URL_MAX])
{
    const char *host = endpoint->host, *scheme = tls ? "https" : "http";

    if (is_in(endpoint, "0.0.0.0"))
        host = "127.0.0.1";
    else if (is_in(endpoint, "::"))
        host = "::1";
    snprintf(url, OPP_URL_MAX, strchr(host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u", scheme, host, endpoint->port);
}
