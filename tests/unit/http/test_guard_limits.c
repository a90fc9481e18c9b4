/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/limit.h"
#include "http/http_client.h"
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: test\r\n\r\n"
#define POST "POST /json HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
#define MANY 200

static enum opp_code admit(void *worker, const struct opp_http_offer *offer, struct opp_limited *limited)
{
    (void)worker;
    assert_string_equal(offer->path, "/json");
    assert_true(strcmp(offer->method, "POST") == 0 || strcmp(offer->method, "PUT") == 0);
    if (offer->authorization == NULL)
        return OPP_E_TOKEN_INVALID;
    if (strcmp(offer->authorization, "Bearer peer") == 0)
        return strcmp(offer->peer, "203.0.113.1") == 0 ? OPP_OK : OPP_E_FORBIDDEN;
    if (strcmp(offer->authorization, "Bearer again") == 0) {
        *limited = (struct opp_limited){ 7, { "slow", 5, 60, 0, 9 } };
        return OPP_E_RATE_LIMITED;
    }
    return OPP_OK;
}

static struct opp_cidr proxies[1];

static int start_admitting(void **state)
{
    struct opp_http_context context = { .admit = admit, .trusted_proxies = proxies, .trusted_proxy_count = 1 };

    opp_cidr_parse("127.0.0.1", &proxies[0], NULL);
    return server_start_with(state, &SERVER_SETTINGS, &context);
}

static int start_impatient(void **state)
{
    struct opp_http_settings settings = SERVER_SETTINGS;

    settings.idle_timeout_ms = 900;
    settings.header_timeout_ms = 300;
    settings.body_timeout_ms = 600;
    settings.answer_timeout_ms = 500;
    settings.stream_timeout_ms = 400;
    settings.streams_max = 2;
    return server_start_with(state, &settings, &(struct opp_http_context){ .loop = NULL });
}

static int start_small(void **state)
{
    struct opp_http_settings settings = SERVER_SETTINGS;

    settings.connections_max = 8;
    settings.connections_per_address_max = 5;
    settings.idle_timeout_ms = 10000;
    return server_start_with(state, &settings, &(struct opp_http_context){ .loop = NULL });
}

static int start_crowded(void **state)
{
    struct opp_http_settings settings = SERVER_SETTINGS;

    settings.connections_max = 8;
    settings.connections_per_address_max = 100;
    settings.idle_timeout_ms = 10000;
    return server_start_with(state, &settings, &(struct opp_http_context){ .loop = NULL });
}

static int start_patient(void **state)
{
    struct opp_http_settings settings = SERVER_SETTINGS;

    settings.idle_timeout_ms = 30000;
    return server_start_with(state, &settings, &(struct opp_http_context){ .loop = NULL });
}

static void expect_status(struct client *client, int status)
{
    struct reply reply = client_receive(client, false);

    assert_int_equal(reply.status, status);
    client_free_reply(&reply);
}

static void strangers_are_refused_before_their_bodies_come(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply = client_ask(&client, POST "Expect: 100-continue\r\nContent-Length: 4000\r\n\r\n");

    assert_int_equal(reply.status, 401);
    assert_true(reply_has(&reply, "WWW-Authenticate: Bearer"));
    assert_true(reply_has(&reply, "Connection: close"));
    client_free_reply(&reply);
    assert_true(client_at_end(&client));
    client_close(&client);
    client = client_connect(server->port);
    reply = client_ask(&client, POST "Authorization: Bearer again\r\nContent-Length: 4000\r\n\r\n");
    assert_int_equal(reply.status, 429);
    assert_true(reply_has(&reply, "Retry-After: 7"));
    assert_true(reply_has(&reply, "RateLimit-Policy: \"slow\";q=5;w=60"));
    assert_true(reply_has(&reply, "RateLimit: \"slow\";r=0;t=9"));
    assert_non_null(strstr(reply.body, "\"reason\":\"rate\""));
    client_free_reply(&reply);
    client_close(&client);
}

static void who_is_admitted_may_send_a_body(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);

    client_send_text(&client, POST "Authorization: Bearer a \r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_await_text(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    client.length = 0;
    client_send_text(&client, "{}");
    expect_status(&client, 200);
    client_send_text(&client,
                     "PUT /json?a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer");
    usleep(2000);
    client_send_text(&client, " b\r\nContent-Length: 2\r\n\r\n{}" GET("/shared"));
    expect_status(&client, 200);
    expect_status(&client, 200);
    client_close(&client);
}

static void a_proxy_names_the_client_to_who_admits_and_to_handlers(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply;

    client_send_text(&client, POST "Authorization: Bearer peer\r\nX-Forwarded-For: 9.9.9.9,203.0.113.1\r\n"
                                   "Content-Length: 2\r\n\r\n{}");
    expect_status(&client, 200);
    reply = client_ask(&client, "GET /echo/a/b HTTP/1.1\r\nHost: a\r\nForwarded: for=203.0.113.9\r\n\r\n");
    assert_non_null(strstr(reply.body, "\"peer\":\"203.0.113.9\""));
    client_free_reply(&reply);
    reply = client_ask(&client, GET("/echo/a/b"));
    assert_non_null(strstr(reply.body, "\"peer\":\"127.0.0.1\""));
    client_free_reply(&reply);
    client_send_text(&client, POST "Authorization: Bearer peer\r\nContent-Length: 2\r\n\r\n{}");
    expect_status(&client, 403);
    client_close(&client);
}

/* Sends a byte of text every 20 ms, and gives after how many milliseconds the connection had ended. */
static int64_t drip(uint16_t port, const char *begin, char byte)
{
    struct client client = client_connect(port);
    int64_t started_ms = opp_monotonic_ms();
    char answer[512];

    client_send_text(&client, begin);
    while (send(client.fd, &byte, 1, MSG_NOSIGNAL) == 1 && opp_monotonic_ms() - started_ms < 5000) {
        if (recv(client.fd, answer, sizeof answer, MSG_DONTWAIT) == 0)
            break;
        usleep(20000);
    }
    client_close(&client);
    return opp_monotonic_ms() - started_ms;
}

static void assert_between(int64_t value, int64_t low, int64_t high)
{
    if (value < low || value > high)
        fail_msg("%lld is not between %lld and %lld", (long long)value, (long long)low, (long long)high);
}

static void what_drips_ends_at_its_deadline(void **state)
{
    const struct test_server *server = *state;

    assert_between(drip(server->port, "GET /shared HTTP/1.1\r\nA: ", 'a'), 290, 1300);
    assert_between(drip(server->port, "GET /sh", 'a'), 290, 1300);
    assert_between(drip(server->port, POST "Content-Length: 4000\r\n\r\n", ' '), 590, 1600);
}

static void the_silent_and_those_that_do_not_come_back_end_too(void **state)
{
    const struct test_server *server = *state;
    struct client silent = client_connect(server->port), lazy = client_connect(server->port);
    int64_t started_ms = opp_monotonic_ms();

    client_send_text(&lazy, GET("/shared"));
    expect_status(&lazy, 200);
    assert_true(client_at_end(&silent));
    assert_true(client_at_end(&lazy));
    assert_between(opp_monotonic_ms() - started_ms, 850, 1900);
    client_close(&silent);
    client_close(&lazy);
}

static void answer_held(void *arg)
{
    struct test_server *server = arg;

    opp_request_answer(server->held, json_object());
    server->held = NULL;
}

static void an_answer_that_never_comes_ends_the_connection(void **state)
{
    struct test_server *server = *state;
    struct client client = client_connect(server->port);

    client_send_text(&client, GET("/later"));
    await(&server->held_one);
    assert_true(client_at_end(&client));
    await(&server->gone);
    server_run(server, answer_held);
    client_close(&client);
}

static void streams_end_for_good_clients_to_come_back(void **state)
{
    struct test_server *server = *state;
    struct client client = client_connect(server->port);
    int64_t started_ms = opp_monotonic_ms();

    client_send_text(&client, GET("/stream"));
    await(&server->held_one);
    await(&server->gone);
    assert_between(opp_monotonic_ms() - started_ms, 350, 1400);
    client_close(&client);
}

static void too_many_streams_end_as_soon_as_they_have_begun(void **state)
{
    struct test_server *server = *state;
    struct client clients[3];
    int64_t started_ms;

    for (int i = 0; i < 2; i++) {
        clients[i] = client_connect(server->port);
        client_send_text(&clients[i], GET("/stream"));
        await(&server->held_one);
    }
    started_ms = opp_monotonic_ms();
    clients[2] = client_connect(server->port);
    client_send_text(&clients[2], GET("/stream"));
    client_await_text(&clients[2], "\r\n0\r\n\r\n");
    assert_between(opp_monotonic_ms() - started_ms, 0, 250);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
}

static int count_open(struct client *clients, int count)
{
    int open = 0;

    for (int i = 0; i < count; i++) {
        char answer[1024];

        send(clients[i].fd, GET("/shared"), strlen(GET("/shared")), MSG_NOSIGNAL);
        open += recv(clients[i].fd, answer, sizeof answer, 0) > 0;
    }
    return open;
}

static void an_address_has_so_many_connections_and_no_more(void **state)
{
    const struct test_server *server = *state;
    struct client clients[7];

    for (int i = 0; i < 7; i++)
        clients[i] = client_connect(server->port);
    assert_int_equal(count_open(clients, 7), 5);
    for (int i = 0; i < 7; i++)
        client_close(&clients[i]);
    usleep(50000);
    for (int i = 0; i < 5; i++)
        clients[i] = client_connect(server->port);
    assert_int_equal(count_open(clients, 5), 5);
    for (int i = 0; i < 5; i++)
        client_close(&clients[i]);
}

static void what_is_over_the_limit_waits_until_another_ends(void **state)
{
    const struct test_server *server = *state;
    struct client clients[12];
    char byte;

    for (int i = 0; i < 12; i++) {
        clients[i] = client_connect(server->port);
        client_send_text(&clients[i], GET("/shared"));
    }
    for (int i = 0; i < 8; i++)
        expect_status(&clients[i], 200);
    usleep(100000);
    for (int i = 8; i < 12; i++)
        assert_true(recv(clients[i].fd, &byte, 1, MSG_DONTWAIT) < 0);
    for (int i = 0; i < 4; i++)
        client_close(&clients[i]);
    for (int i = 8; i < 12; i++)
        expect_status(&clients[i], 200);
    for (int i = 4; i < 12; i++)
        client_close(&clients[i]);
}

static int64_t cpu_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Bytes without a line end that are sent before the server ends the connection. */
static void bytes_without_line_ends_are_bounded(void **state)
{
    static const char *const beginnings[] = { "", "GET /", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: " };
    static char junk[16384];
    const struct test_server *server = *state;
    struct rusage before, after;
    int64_t started_ms = cpu_ms();

    memset(junk, 'a', sizeof junk);
    getrusage(RUSAGE_SELF, &before);
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        struct client client = client_connect(server->port);
        struct reply reply;

        client_send_text(&client, beginnings[i]);
        client_send(&client, junk, sizeof junk);
        reply = client_receive(&client, false);
        assert_true(reply.status >= 400 && reply.status < 600);
        client_free_reply(&reply);
        client_close(&client);
    }
    getrusage(RUSAGE_SELF, &after);
    assert_true(cpu_ms() - started_ms < 4 * 50);
    assert_true(after.ru_maxrss - before.ru_maxrss < 4 * 1024);
}

/* The clients are a process of their own, which has descriptors enough. */
static void crowd_in(uint16_t port, int ready, int go)
{
    char byte = 0;

    for (int i = 0; i < MANY; i++)
        client_connect(port);
    if (write(ready, &byte, 1) == 1 && read(go, &byte, 1) == 1)
        _exit(0);
    _exit(1);
}

static int rlimit_nofile(rlim_t most)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = most;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static int start_starved(void **state)
{
    assert_int_equal(rlimit_nofile(64), 0);
    return start_patient(state);
}

static int stop_starved(void **state)
{
    int rc = server_stop(state);

    return rlimit_nofile(1024) != 0 ? -1 : rc;
}

/* Takes all descriptors that are left. */
static int take_descriptors(int fds[64])
{
    int count = 0;

    while (count < 64 && (fds[count] = dup(0)) >= 0)
        count++;
    return count;
}

static void expect_rest(const struct test_server *server, struct client *early)
{
    int64_t used_ms = 26;

    (void)server;
    for (int tries = 0; used_ms > 25 && tries < 3; tries++) { /* what a host takes away counts as ours */
        int64_t started_ms = cpu_ms();

        usleep(500000);
        used_ms = cpu_ms() - started_ms;
    }
    assert_between(used_ms, 0, 25);
    client_send_text(early, GET("/shared"));
    expect_status(early, 200);
}

/* First the descriptors that are reserved for others run out, then all. */
static void without_descriptors_the_server_rests_and_serves_those_it_has(void **state)
{
    const struct test_server *server = *state;
    struct client early = client_connect(server->port), late;
    int ready[2], go[2], fds[64], count;
    int64_t started_ms;
    pid_t child;
    char byte;

    client_send_text(&early, GET("/shared"));
    expect_status(&early, 200);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    child = fork();
    if (child == 0 && rlimit_nofile(1024) == 0)
        crowd_in(server->port, ready[1], go[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    expect_rest(server, &early);
    count = take_descriptors(fds);
    assert_true(count >= 8);
    expect_rest(server, &early);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    assert_int_equal(write(go[1], &byte, 1), 1);
    started_ms = opp_monotonic_ms();
    late = client_connect(server->port);
    client_send_text(&late, GET("/shared"));
    expect_status(&late, 200);
    assert_between(opp_monotonic_ms() - started_ms, 0, 1000);
    client_close(&late);
    client_close(&early);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

#define WITH(start, test) cmocka_unit_test_setup_teardown(test, start, server_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(start_admitting, strangers_are_refused_before_their_bodies_come),
        WITH(start_admitting, who_is_admitted_may_send_a_body),
        WITH(start_admitting, a_proxy_names_the_client_to_who_admits_and_to_handlers),
        WITH(start_impatient, what_drips_ends_at_its_deadline),
        WITH(start_impatient, the_silent_and_those_that_do_not_come_back_end_too),
        WITH(start_impatient, an_answer_that_never_comes_ends_the_connection),
        WITH(start_impatient, streams_end_for_good_clients_to_come_back),
        WITH(start_impatient, too_many_streams_end_as_soon_as_they_have_begun),
        WITH(start_small, an_address_has_so_many_connections_and_no_more),
        WITH(start_crowded, what_is_over_the_limit_waits_until_another_ends),
        WITH(start_patient, bytes_without_line_ends_are_bounded),
        cmocka_unit_test_setup_teardown(without_descriptors_the_server_rests_and_serves_those_it_has, start_starved,
                                        stop_starved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
