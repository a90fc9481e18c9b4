/* SPDX-License-Identifier: MIT */
#include "http/client_address.h"
#include "http/state.h"

#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>

static struct opp_client_proxies proxies_of(const struct opp_connection *connection)
{
    const struct opp_http_context *context = &connection->http->context;

    return (struct opp_client_proxies){ context->trusted_proxies, context->trusted_proxy_count };
}

bool opp_connection_is_proxy(const struct opp_connection *connection)
{
    struct opp_client_proxies proxies = proxies_of(connection);

    return opp_client_is_proxy(&proxies, &connection->address);
}

static void write_client(const struct opp_connection *connection, const struct opp_client_claims *claims,
                         char text[OPP_ADDRESS_TEXT_MAX])
{
    struct opp_client_proxies proxies = proxies_of(connection);
    struct opp_address client = opp_client_address(&proxies, &connection->address, claims);

    opp_address_format(&client, text);
}

void opp_client_of_request(const struct opp_connection *connection, struct evhttp_request *ev,
                           char text[OPP_ADDRESS_TEXT_MAX])
{
    struct opp_client_claims claims;
    struct evkeyval *field;

    memcpy(text, connection->peer, OPP_ADDRESS_TEXT_MAX);
    if (!connection->proxy)
        return;
    claims.x_forwarded_for.count = claims.forwarded.count = 0;
    TAILQ_FOREACH(field, evhttp_request_get_input_headers(ev), next)
    {
        opp_client_claim(&claims, field->key, strlen(field->key), field->value, strlen(field->value));
    }
    write_client(connection, &claims, text);
}

void opp_client_of_head(const struct opp_connection *connection, char text[OPP_ADDRESS_TEXT_MAX])
{
    const char *line = connection->head.bytes, *end = line + connection->head.length, *next;
    struct opp_client_claims claims;

    memcpy(text, connection->peer, OPP_ADDRESS_TEXT_MAX);
    if (!connection->proxy)
        return;
    claims.x_forwarded_for.count = claims.forwarded.count = 0;
    for (; line < end; line = next + 1) {
        const char *colon = memchr(line, ':', (size_t)(end - line));

        next = memchr(line, '\n', (size_t)(end - line));
        if (colon != NULL && colon < next)
            opp_client_claim(&claims, line, (size_t)(colon - line), colon + 1, (size_t)(next - 1 - (colon + 1)));
    }
    write_client(connection, &claims, text);
}
