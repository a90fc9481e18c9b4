/* SPDX-License-Identifier: MIT
 *
 * oppd_unguarded - the gateway without the reading of each byte before evhttp, to tell what that costs.
 *
 * It defines what http/guard.c does, so the linker leaves that file in its archive: no framing is checked, and nothing
 * is answered before its body. No flag or setting of oppd leads here.
 */
#include "http/connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

static void ignore_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    (void)input;
    (void)info;
    (void)arg;
}

bool opp_connection_watch(struct opp_connection *connection)
{
    connection->watch = evbuffer_add_cb(bufferevent_get_input(connection->events), ignore_input, NULL);
    return connection->watch != NULL;
}
