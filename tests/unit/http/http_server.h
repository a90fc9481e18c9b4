/* SPDX-License-Identifier: MIT
 *
 * http/http_server.h - a server with routes for tests, on a thread of its own.
 * May include: base, http.
 */
#ifndef OPP_TESTS_HTTP_SERVER_H
#define OPP_TESTS_HTTP_SERVER_H

#include "http/request.h"
#include "http/server.h"

#include <pthread.h>
#include <semaphore.h>

#define BODY_MAX 4096
#define HEAD_MAX 3072

struct test_server {
    struct opp_loop *loop;
    struct opp_router *router;
    struct opp_clock *clock;
    struct opp_log *log;
    struct opp_http *http;
    struct opp_shared *shared;
    pthread_t thread;
    uint16_t port;
    int log_pipe[2];
    sem_t done;               /* posted by server_run */
    sem_t held_one;           /* posted when GET /later or /stream has its request */
    sem_t gone;               /* posted by on_gone and on_close */
    sem_t drained;            /* posted when a drain has ended */
    struct opp_request *held; /* the loop's thread only */
};

/* Routes: GET /echo/{first}/{second}, /shared, /same, /set, /large, /stream, /later, /nothing, /fail, /token, /hidden;
 * POST and PUT /json. */
int server_start(void **state);
/* The same with other limits; of the context, what it says of proxies and admission counts. */
int server_start_with(void **state, const struct opp_http_settings *settings, const struct opp_http_context *context);
#define SERVER_SETTINGS          \
    ((struct opp_http_settings){ \
        .host = "127.0.0.1", .body_max_bytes = BODY_MAX, .header_max_bytes = HEAD_MAX, .idle_timeout_ms = 1000 })
int server_stop(void **state);

/* Runs fn on the server's thread and waits for it. */
void server_run(struct test_server *server, void (*fn)(void *server));
/* Waits 5 s at most. */
void await(sem_t *semaphore);
/* What was logged since; the test's own copy, static. */
const char *server_log(struct test_server *server, char *text, size_t size);

#endif
