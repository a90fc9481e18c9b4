/* SPDX-License-Identifier: MIT */
#include "http/http_server.h"
#include "base/shared.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void refuse_input(struct opp_request *request, enum opp_code code, json_t *issues)
{
    opp_request_refuse(request, code, NULL, issues != NULL ? json_pack("{s:o}", "issues", issues) : NULL);
}

static void echo(struct opp_request *request)
{
    json_t *query = NULL, *issues = NULL;
    enum opp_code rc = opp_request_query(request, &query, &issues, NULL);
    const char *host = opp_request_header(request, "host");

    if (rc != OPP_OK) {
        refuse_input(request, rc, issues);
        return;
    }
    opp_request_answer(request,
                       json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o}", "first",
                                 opp_request_param(request, "first"), "second", opp_request_param(request, "second"),
                                 "third", opp_request_param(request, "third"), "path", opp_request_path(request),
                                 "peer", opp_request_peer(request), "method", opp_request_method(request), "clientId",
                                 opp_request_client_id(request), "host", host, "query", query));
}

static void json(struct opp_request *request)
{
    json_t *body = NULL, *issues = NULL;
    enum opp_code rc = opp_request_json(request, &body, &issues, NULL);

    if (rc != OPP_OK)
        refuse_input(request, rc, issues);
    else
        opp_request_answer(request, json_pack("{s:o*}", "body", body));
}

static void shared(struct opp_request *request)
{
    const struct test_server *server = opp_request_worker(request);

    opp_request_answer_shared(request, server->shared);
}

static void same(struct opp_request *request)
{
    opp_request_set(request, "ETag", "\"a\"");
    opp_request_set(request, "Cache-Control", "private, no-cache");
    opp_request_not_modified(request);
}

static void set(struct opp_request *request)
{
    opp_request_set(request, "Retry-After", "7");
    opp_request_set(request, "cache-control", "private");
    opp_request_refuse(request, OPP_E_RATE_LIMITED, "Wait.", json_pack("{s:s}", "reason", "rate"));
}

static void large(struct opp_request *request)
{
    struct opp_buf data = { 0 };

    opp_buf_char(&data, '"');
    for (int i = 0; i < 300000; i++)
        opp_buf_char(&data, 'x');
    opp_buf_char(&data, '"');
    opp_request_answer_bytes(request, &data);
}

static void nothing(struct opp_request *request)
{
    opp_request_answer(request, NULL);
}

static void refuse_as_ours(struct opp_request *request)
{
    opp_request_refuse(request, OPP_E_CONFIG, "the key is under the mat", json_pack("{s:s}", "secret", "s3cret"));
}

static void token(struct opp_request *request)
{
    opp_request_refuse(request, OPP_E_TOKEN_INVALID, NULL, NULL);
}

static void split(struct opp_request *request)
{
    opp_request_set(request, "X-Split", "a\r\nX-Evil: b");
    opp_request_answer(request, json_object());
}

static void on_gone(void *arg)
{
    struct test_server *server = arg;

    sem_post(&server->gone);
}

static void on_close(void *arg)
{
    struct test_server *server = arg;

    server->held = NULL;
    sem_post(&server->gone);
}

static void hold(struct test_server *server, struct opp_request *request)
{
    server->held = request;
    sem_post(&server->held_one);
}

static void later(struct opp_request *request)
{
    struct test_server *server = opp_request_worker(request);

    opp_request_on_gone(request, on_gone, server);
    hold(server, request);
}

static void stream(struct opp_request *request)
{
    struct test_server *server = opp_request_worker(request);

    opp_request_stream_begin(request, "text/event-stream", on_close, server);
    opp_request_stream_write(request, "data: 1\n\n", strlen("data: 1\n\n"));
    hold(server, request);
}

static const struct opp_route ROUTES[] = {
    { "GET", "/echo/{first}/{second}", 0, echo, NULL },
    { "GET", "/shared", 0, shared, NULL },
    { "GET", "/same", 0, same, NULL },
    { "GET", "/set", 0, set, NULL },
    { "GET", "/large", 0, large, NULL },
    { "GET", "/later", 0, later, NULL },
    { "POST", "/later", OPP_ROUTE_BODY, later, NULL },
    { "GET", "/stream", 0, stream, NULL },
    { "GET", "/nothing", 0, nothing, NULL },
    { "GET", "/fail", 0, refuse_as_ours, NULL },
    { "GET", "/token", 0, token, NULL },
    { "GET", "/split", 0, split, NULL },
    { "GET", "/hidden", OPP_ROUTE_HIDDEN, shared, NULL },
    { "POST", "/json", OPP_ROUTE_BODY, json, NULL },
    { "PUT", "/json", OPP_ROUTE_BODY, json, NULL },
};

static void *run(void *arg)
{
    struct test_server *server = arg;

    opp_loop_run(server->loop, NULL);
    return NULL;
}

static void make_parts(struct test_server *server)
{
    struct opp_buf data = { 0 };

    assert_int_equal(opp_router_new(&server->router, NULL), OPP_OK);
    for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES; i++)
        assert_int_equal(opp_router_add(server->router, &ROUTES[i], NULL), OPP_OK);
    assert_int_equal(opp_clock_new(&server->clock, NULL), OPP_OK);
    assert_int_equal(opp_loop_new(&server->loop, NULL), OPP_OK);
    assert_int_equal(pipe2(server->log_pipe, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(opp_log_new(server->log_pipe[1], OPP_LOG_JSON, OPP_LOG_DEBUG, &server->log, NULL), OPP_OK);
    opp_buf_text(&data, "[1,2,3]");
    server->shared = opp_shared_new(&data);
    assert_non_null(server->shared);
    sem_init(&server->done, 0, 0);
    sem_init(&server->held_one, 0, 0);
    sem_init(&server->gone, 0, 0);
    sem_init(&server->drained, 0, 0);
}

int server_start(void **state)
{
    return server_start_with(state, &SERVER_SETTINGS, &(struct opp_http_context){ .loop = NULL });
}

int server_start_with(void **state, const struct opp_http_settings *settings, const struct opp_http_context *wishes)
{
    struct test_server *server = calloc(1, sizeof *server);
    struct opp_http_context context = *wishes;
    int fd;

    context.worker = server;
    context.log_requests = true;
    assert_non_null(server);
    signal(SIGPIPE, SIG_IGN);
    make_parts(server);
    context.loop = server->loop;
    context.router = server->router;
    context.clock = server->clock;
    context.log = server->log;
    assert_int_equal(opp_http_bind(settings, &fd, &server->port, NULL), OPP_OK);
    assert_int_equal(opp_http_open(&context, settings, fd, &server->http, NULL), OPP_OK);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
    *state = server;
    return 0;
}

int server_stop(void **state)
{
    struct test_server *server = *state;

    opp_loop_stop(server->loop);
    pthread_join(server->thread, NULL);
    opp_http_free(server->http);
    event_base_loop(opp_loop_base(server->loop), EVLOOP_NONBLOCK); /* what libevent deferred holds connections */
    opp_router_free(server->router);
    opp_loop_free(server->loop);
    opp_clock_free(server->clock);
    opp_log_free(server->log);
    opp_shared_unref(server->shared);
    close(server->log_pipe[0]);
    close(server->log_pipe[1]);
    free(server);
    return 0;
}

struct errand {
    struct opp_post post;
    struct test_server *server;
    void (*fn)(void *server);
};

static void run_errand(void *arg)
{
    struct errand *errand = arg;

    errand->fn(errand->server);
    sem_post(&errand->server->done);
}

void server_run(struct test_server *server, void (*fn)(void *server))
{
    struct errand errand = { .server = server, .fn = fn };

    errand.post.run = run_errand;
    errand.post.arg = &errand;
    opp_loop_post(server->loop, &errand.post);
    await(&server->done);
}

void await(sem_t *semaphore)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    assert_int_equal(sem_timedwait(semaphore, &until), 0);
}

const char *server_log(struct test_server *server, char *text, size_t size)
{
    ssize_t got = read(server->log_pipe[0], text, size - 1);

    text[got > 0 ? got : 0] = '\0';
    return text;
}
