/* SPDX-License-Identifier: MIT
 *
 * command/workers.h - the threads that answer requests: each a loop, a way into the store and HTTP servers.
 * May include: all.
 */
#ifndef OPP_COMMAND_WORKERS_H
#define OPP_COMMAND_WORKERS_H

#include "base/error.h"
#include "http/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opp_gateway;
struct opp_workers;

#define OPP_LISTENERS_MAX 2 /* the main one and the admin endpoints' own */

/* A bound address and what is answered there. */
struct opp_listener {
    struct opp_http_settings settings; /* with the port that was bound */
    struct opp_router *router;
    struct opp_tls *tls; /* NULL: none */
    bool log_requests;
    int fd; /* the first socket; -1: given away, or none yet */
};

/* Gives count workers that do not run yet; takes the listeners' sockets. Codes as what they open. */
enum opp_code opp_workers_open(struct opp_gateway *gateway, struct opp_listener *listeners, size_t listener_count,
                               size_t count, struct opp_workers **out, struct opp_err *err);

/* Starts their threads, which inherit the caller's signal mask. A loop that fails ends the process by SIGTERM.
 * OPP_E_IO: no thread could be made. */
enum opp_code opp_workers_start(struct opp_workers *workers, struct opp_err *err);

/* Accepts no more, ends the background work and waits until every request was answered; false: not within timeout_ms.
 * Once, after the start. */
bool opp_workers_drain(struct opp_workers *workers, int64_t timeout_ms);

bool opp_workers_failed(const struct opp_workers *workers);

/* Ends the threads, if they were started, and frees all. No request may be under way. */
void opp_workers_close(struct opp_workers *workers);

#endif
