/* SPDX-License-Identifier: MIT
 *
 * Built twice: OVER_TLS has everything come through TLS.
 */
#include "http/framing_vectors.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "http/http_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: test\r\n\r\n"
#define POST "POST /json HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"

static void expect_refusal(const struct reply *reply, enum opp_code code, const char *name)
{
    char expected[128];

    snprintf(expected, sizeof expected, "{\"code\":\"%s\",\"details\":{\"recovery\":", opp_code_name(code));
    if (reply->status != opp_code_status(code))
        fail_msg("%s: status %d", name, reply->status);
    assert_true(reply_has(reply, "Connection: close"));
    assert_true(reply_has(reply, "Content-Type: application/json; charset=utf-8"));
    assert_true(reply_has(reply, "X-Content-Type-Options: nosniff"));
    assert_true(reply_has(reply, "Cache-Control: no-store"));
    assert_non_null(strstr(reply->head, "\r\nX-Request-Id: req_"));
    assert_non_null(strstr(reply->head, "\r\nDate: "));
    if (reply->length > 0)
        assert_memory_equal(reply->body, expected, strlen(expected));
}

/* Sends a vector and a request behind it, all at once or its first bytes first. */
static void send_vector(struct client *client, const struct framing_vector *vector, size_t first)
{
    char bytes[8192];
    size_t length = vector->length;

    memcpy(bytes, vector->bytes, length);
    memcpy(bytes + length, GET("/shared"), strlen(GET("/shared")));
    length += strlen(GET("/shared"));
    if (first > 0 && first < length) {
        client_send(client, bytes, first);
        usleep(2000);
    } else {
        first = 0;
    }
    client_send(client, bytes + first, length - first);
}

/* One answer, which is a refusal, and then the end; no handler was reached. */
static void refused_alone(struct test_server *server, const struct framing_vector *vector, size_t first)
{
    struct client client = client_connect(server->port);
    struct reply reply;
    char log[8192], id[40] = "?";

    send_vector(&client, vector, first);
    reply = client_receive(&client, strncmp(vector->bytes, "HEAD", 4) == 0);
    expect_refusal(&reply, vector->code, vector->name);
    sscanf(strstr(reply.head, "X-Request-Id: "), "X-Request-Id: %39s", id);
    if (!client_at_end(&client))
        fail_msg("%s: not closed", vector->name);
    server_log(server, log, sizeof log);
    if (strstr(log, "request.done") != NULL || strstr(log, "request.refused") == NULL || strstr(log, id) == NULL)
        fail_msg("%s: %s", vector->name, log);
    client_free_reply(&reply);
    client_close(&client);
}

static void each_ambiguous_request_is_refused_and_closed(void **state)
{
    for (size_t i = 0; i < FRAMING_BAD_COUNT; i++)
        refused_alone(*state, &FRAMING_BAD[i], 0);
}

static void each_ambiguous_request_is_refused_when_it_comes_in_two(void **state)
{
    for (size_t i = 0; i < FRAMING_BAD_COUNT; i++)
        refused_alone(*state, &FRAMING_BAD[i], 3 + i * 7 % 40);
}

/* evhttp takes all that the guard lets through: it would answer in HTML what it does not, and close. */
static void each_fair_request_is_answered_by_us(void **state)
{
    const struct test_server *server = *state;

    for (size_t i = 0; i < FRAMING_FAIR_COUNT; i++) {
        struct client client = client_connect(server->port);
        struct reply reply;

        client_send(&client, FRAMING_FAIR[i].bytes, FRAMING_FAIR[i].length);
        client_send_text(&client, "BREW / HTTP/1.1\r\n");
        reply = client_receive(&client, strncmp(FRAMING_FAIR[i].bytes, "HEAD", 4) == 0);
        if (reply.status == 0 || strstr(reply.head, "application/json") == NULL || reply.status >= 500)
            fail_msg("%s: %s", FRAMING_FAIR[i].name, reply.head);
        client_free_reply(&reply);
        client_close(&client);
    }
}

static void earlier_requests_are_answered_before_a_refusal(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply;

    client_send_text(&client, GET("/shared") POST "Content-Length: 2\r\n\r\n{}" GET("/x/../shared") GET("/shared"));
    for (int i = 0; i < 2; i++) {
        reply = client_receive(&client, false);
        assert_int_equal(reply.status, 200);
        assert_false(reply_has(&reply, "Connection: close"));
        client_free_reply(&reply);
    }
    reply = client_receive(&client, false);
    expect_refusal(&reply, OPP_E_BAD_REQUEST, "the third");
    client_free_reply(&reply);
    assert_true(client_at_end(&client));
    client_close(&client);
}

static void answer_held(void *arg)
{
    struct test_server *server = arg;

    opp_request_answer(server->held, json_pack("{s:b}", "late", 1));
    server->held = NULL;
}

static void an_answer_that_waits_goes_out_before_a_refusal(void **state)
{
    struct test_server *server = *state;
    static char junk[256 * 1024];
    struct client client = client_connect(server->port);
    struct reply reply;

    memset(junk, 'x', sizeof junk);
    client_send_text(&client, GET("/later") GET("/shared"));
    await(&server->held_one);
    client_send_text(&client, "BREW ");
    client_send_now(&client, junk, sizeof junk);
    usleep(20000);
    server_run(server, answer_held);
    reply = client_receive(&client, false);
    assert_string_equal(reply.body, "{\"code\":\"common.success\",\"data\":{\"late\":true},\"ok\":true}");
    client_free_reply(&reply);
    reply = client_receive(&client, false);
    assert_int_equal(reply.status, 200);
    client_free_reply(&reply);
    reply = client_receive(&client, false);
    expect_refusal(&reply, OPP_E_NOT_IMPLEMENTED, "what came while it waited");
    client_free_reply(&reply);
    client_close(&client);
}

#ifndef OVER_TLS /* there, who has said that nothing follows has gone */
static void a_client_that_has_said_all_it_will_still_reads_why(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply;

    client_send_text(&client, GET("//"));
    shutdown(client.fd, SHUT_WR);
    reply = client_receive(&client, false);
    expect_refusal(&reply, OPP_E_BAD_REQUEST, "a half-closed client's");
    client_free_reply(&reply);
    assert_true(client_at_end(&client));
    client_close(&client);
}
#endif

/* Without lingering, the bytes that wait unread reset the connection, and most answers are lost. */
static void a_client_that_still_sends_reads_why(void **state)
{
    const struct test_server *server = *state;
    static char body[48 * 1024];

    memset(body, ' ', sizeof body);
    for (int i = 0; i < 20; i++) {
        struct client client = client_connect(server->port);
        struct reply reply;

        client_send_text(&client, POST "Content-Length: 49152\r\n\r\n");
        client_send(&client, body, sizeof body);
        reply = client_receive(&client, false);
        expect_refusal(&reply, OPP_E_TOO_LARGE, "a large body");
        client_free_reply(&reply);
        client_close(&client);
    }
}

static void a_client_that_never_stops_is_cut_off(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    static char junk[64 * 1024];
    size_t sent = 0;
    ssize_t now;

    client_send_text(&client, "BREW ");
    while ((now = client_send_some(&client, junk, sizeof junk)) > 0 && sent < (size_t)64 * 1024 * 1024)
        sent += (size_t)now;
    assert_true(now < 0);
    client_close(&client);
}

static void a_body_that_nobody_takes_is_refused_before_it_comes(void **state)
{
    static const struct {
        const char *head, *field;
        enum opp_code code;
    } cases[] = {
        { "POST /unknown HTTP/1.1\r\n", NULL, OPP_E_ROUTE_UNKNOWN },
        { "POST /shared HTTP/1.1\r\n", "Allow: GET, HEAD", OPP_E_METHOD },
        { "DELETE /json HTTP/1.1\r\n", "Allow: POST, PUT", OPP_E_METHOD },
        { "GET /shared HTTP/1.1\r\n", NULL, OPP_E_BAD_REQUEST },
    };
    const struct test_server *server = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client client = client_connect(server->port);
        struct reply reply;

        client_send_text(&client, cases[i].head);
        client_send_text(&client, "Host: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        reply = client_receive(&client, false);
        expect_refusal(&reply, cases[i].code, cases[i].head);
        assert_true(cases[i].field == NULL || reply_has(&reply, cases[i].field));
        client_free_reply(&reply);
        client_close(&client);
    }
}

static void the_smallest_body_over_the_limit_is_refused_before_it_comes(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply = client_ask(&client, POST "Content-Length: 4097\r\n\r\n");

    expect_refusal(&reply, OPP_E_TOO_LARGE, "a body");
    client_free_reply(&reply);
    client_close(&client);
}

/* Adds to the path or replaces parts of it, in ways that name the same thing for somebody on the way. */
static const char *const SPELLINGS[] = {
    "//shared",
    "/shared/",
    "/shared//",
    "/shared/.",
    "/shared/..",
    "/./shared",
    "/../shared",
    "/x/../shared",
    "/%2fshared",
    "/%73hared/",
    "/shared%2f",
    "/shared%00",
    "/shared%20",
    "/shared%09",
    "/shared;a",
    "/shared;a=b",
    "/shared,",
    "/Shared",
    "/SHARED",
    "/shared.",
    "/shared.json",
    "/shared%2e",
    "/shared%3fa",
    "/shared%23a",
    "/shared#a",
    "\\shared",
    "/\\shared",
    "/shared\\",
    "/shared%5c",
    "/sh%61red",
    "/%73%68%61%72%65%64",
    "/shared%c0%af",
    "/shared%u0000",
    "/shared%",
    "/shared%2",
    "/shared&a",
    "/shared:80",
    "/shared@b",
    "http://a/shared",
    "shared",
    "/shared~",
    "/shared+",
    "/.shared",
    "/..;/shared",
    "/x/..;/shared",
    "/%2e/shared",
    "/%2e%2e/shared",
    "/x/%2e%2e/shared",
    "/x%2f..%2fshared",
    "/shared%0a",
    "/shared%0d%0a",
    "/shared/%2e",
    "/shared/%2e%2e/shared",
};

static void no_other_spelling_reaches_a_route(void **state)
{
    struct test_server *server = *state;
    char request[256], log[8192];

    for (size_t i = 0; i < 4 * sizeof SPELLINGS / sizeof *SPELLINGS; i++) {
        static const char *const methods[] = { "GET", "HEAD", "POST", "DELETE" };
        struct client client = client_connect(server->port);
        struct reply reply;

        snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: test\r\n\r\n", methods[i % 4], SPELLINGS[i / 4]);
        client_send_text(&client, request);
        reply = client_receive(&client, i % 4 == 1);
        if (reply.status != 400 && reply.status != 404)
            fail_msg("%s: %d", request, reply.status);
        server_log(server, log, sizeof log);
        assert_null(strstr(log, "\"route\":\"/shared\""));
        client_free_reply(&reply);
        client_close(&client);
    }
}

#ifdef OVER_TLS
static struct opp_tls *tls;

static int start(void **state)
{
    struct tls_files files = tls_files_make(3600);

    assert_int_equal(opp_tls_open(files.certificate, files.key, &tls, NULL), OPP_OK);
    tls_files_remove(&files);
    client_speak_tls(true);
    return server_start_with(state, &SERVER_SETTINGS, &(struct opp_http_context){ .tls = tls });
}

static int stop(void **state)
{
    server_stop(state);
    opp_tls_free(tls);
    return 0;
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)
#else
#define SERVED(test) cmocka_unit_test_setup_teardown(test, server_start, server_stop)
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(each_ambiguous_request_is_refused_and_closed),
        SERVED(each_ambiguous_request_is_refused_when_it_comes_in_two),
        SERVED(each_fair_request_is_answered_by_us),
        SERVED(earlier_requests_are_answered_before_a_refusal),
        SERVED(an_answer_that_waits_goes_out_before_a_refusal),
#ifndef OVER_TLS
        SERVED(a_client_that_has_said_all_it_will_still_reads_why),
#endif
        SERVED(a_client_that_still_sends_reads_why),
        SERVED(a_client_that_never_stops_is_cut_off),
        SERVED(a_body_that_nobody_takes_is_refused_before_it_comes),
        SERVED(the_smallest_body_over_the_limit_is_refused_before_it_comes),
        SERVED(no_other_spelling_reaches_a_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
