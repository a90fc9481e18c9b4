/* SPDX-License-Identifier: MIT */
#include "http/http_client.h"
#include "http/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Host: test\r\n"
#define JSON "Content-Type: application/json\r\n"

/* Asks on a connection of its own; the answer must be an envelope with this code. */
static struct reply ask(void **state, const char *request, int status, const char *code)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply = client_ask(&client, request);
    char expected[128];

    snprintf(expected, sizeof expected, "{\"code\":\"%s\",\"details\":{", code);
    assert_int_equal(reply.status, status);
    assert_memory_equal(reply.body, expected, strlen(expected));
    assert_non_null(strstr(reply.body, "\"recovery\":\""));
    assert_non_null(strstr(reply.body, ",\"ok\":false}"));
    assert_true(reply_has(&reply, "Content-Type: application/json; charset=utf-8"));
    assert_true(reply_has(&reply, "X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(reply.head, "\r\nX-Request-Id: req_"));
    client_close(&client);
    return reply;
}

static void refused(void **state, const char *request, int status, const char *code)
{
    struct reply reply = ask(state, request, status, code);

    assert_true(reply_has(&reply, "Cache-Control: no-store"));
    client_free_reply(&reply);
}

static void refused_and_closed(void **state, const char *request, int status, const char *code)
{
    struct reply reply = ask(state, request, status, code);

    assert_true(reply_has(&reply, "Connection: close"));
    client_free_reply(&reply);
}

static void an_unknown_route_is_404(void **state)
{
    refused(state, "GET /unknown HTTP/1.1\r\n" HOST "\r\n", 404, "common.not_found");
    refused(state, "GET /echo/a HTTP/1.1\r\n" HOST "\r\n", 404, "common.not_found");
    refused(state, "GET /echo//b HTTP/1.1\r\n" HOST "\r\n", 400, "common.bad_request");
}

static void a_wrong_method_is_405_with_allow(void **state)
{
    struct reply reply = ask(state, "DELETE /json HTTP/1.1\r\n" HOST "\r\n", 405, "common.method_not_allowed");

    assert_true(reply_has(&reply, "Allow: POST, PUT"));
    client_free_reply(&reply);
    reply = ask(state, "OPTIONS /later HTTP/1.1\r\n" HOST "\r\n", 405, "common.method_not_allowed");
    assert_true(reply_has(&reply, "Allow: GET, HEAD, POST"));
    client_free_reply(&reply);
    refused(state, "PATCH /shared HTTP/1.1\r\n" HOST "\r\n", 405, "common.method_not_allowed");
}

static void an_unknown_method_is_501_and_ends_the_connection(void **state)
{
    refused_and_closed(state, "BREW /shared HTTP/1.1\r\n" HOST "\r\n", 501, "common.not_implemented");
    refused_and_closed(state, "TRACE /shared HTTP/1.1\r\n" HOST "\r\n", 501, "common.not_implemented");
    refused_and_closed(state, "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 501, "common.not_implemented");
}

static void an_unfair_target_is_400_and_ends_the_connection(void **state)
{
    static const char *const targets[] = { "//shared",      "/./shared",   "/shared#a",
                                           "/echo/a%2fb/c", "/echo/%00/b", "/echo/%zz/b",
                                           "/echo/%ff/b",   "/echo/%0a/b", "*" };
    char request[256];

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]);
        refused_and_closed(state, request, 400, "common.bad_request");
    }
}

/* evhttp takes this for a request to a proxy: it ends the connection without saying so. */
static void an_absolute_target_is_400(void **state)
{
    refused(state, "GET http://test/shared HTTP/1.1\r\n" HOST "\r\n", 400, "common.bad_request");
}

static void a_long_target_is_400(void **state)
{
    char request[4096];

    snprintf(request, sizeof request, "GET /shared?%02100d HTTP/1.1\r\n" HOST "\r\n", 1);
    refused_and_closed(state, request, 400, "common.bad_request");
}

static void a_body_where_none_is_taken_is_400(void **state)
{
    refused_and_closed(state, "GET /shared HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 400, "common.bad_request");
    refused(state, "GET /unknown HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 404, "common.not_found");
}

static void a_body_after_head_is_never_a_request(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply;

    client_send_text(&client, "HEAD /shared HTTP/1.1\r\n" HOST "Content-Length: 37\r\n\r\n"
                              "GET /shared HTTP/1.1\r\nHost: smuggled\r\n\r\n");
    reply = client_receive(&client, true);
    assert_int_equal(reply.status, 400);
    client_free_reply(&reply);
    assert_true(client_at_end(&client));
    client_close(&client);
}

static void a_transfer_encoding_is_411_and_ends_the_connection(void **state)
{
    refused_and_closed(state,
                       "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                       411, "common.length_required");
    refused_and_closed(state, "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: xchunked\r\n\r\n", 411,
                       "common.length_required");
}

static void two_lengths_are_400_and_end_the_connection(void **state)
{
    refused_and_closed(state, "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
                       400, "common.bad_request");
}

static void a_body_over_the_limit_is_413(void **state)
{
    static char request[BODY_MAX + 512];
    int head = snprintf(request, 256, "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n\r\n", BODY_MAX + 1);

    memset(request + head, ' ', BODY_MAX + 1);
    refused_and_closed(state, request, 413, "common.payload_too_large");
}

static void another_content_type_is_415(void **state)
{
    static const char *const types[] = { "", "Content-Type: text/plain\r\n", "Content-Type: application/jsonx\r\n",
                                         "Content-Type: application/json; charset=latin1\r\n",
                                         "Content-Type: application/json; a=b; charset=utf-8\r\n" };
    char request[256];

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(request, sizeof request, "POST /json HTTP/1.1\r\n" HOST "%sContent-Length: 2\r\n\r\n{}", types[i]);
        refused(state, request, 415, "common.unsupported_media_type");
    }
}

static void what_is_no_json_object_is_400_with_an_issue(void **state)
{
    static const char *const bodies[] = { "{", "[]", "1", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}" };
    char request[256];

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct reply reply;

        snprintf(request, sizeof request, "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: %zu\r\n\r\n%s",
                 strlen(bodies[i]), bodies[i]);
        reply = ask(state, request, 400, "common.validation");
        assert_non_null(strstr(reply.body, "\"issues\":[{\"code\":\"invalid_"));
        assert_non_null(strstr(reply.body, "\"path\":[],\"pointer\":\"\"}]"));
        client_free_reply(&reply);
    }
}

static void an_empty_body_is_no_body_whatever_its_type(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply = client_ask(&client, "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 0\r\n\r\n");

    assert_int_equal(reply.status, 200);
    client_close(&client);
    client_free_reply(&reply);
}

static void a_repeated_query_parameter_is_400_with_an_issue(void **state)
{
    struct reply reply = ask(state, "GET /echo/a/b?x=1&x=2 HTTP/1.1\r\n" HOST "\r\n", 400, "common.validation");

    assert_non_null(strstr(reply.body, "\"path\":[\"x\"],\"pointer\":\"/x\"}]"));
    client_free_reply(&reply);
}

static void headers_that_a_handler_set_survive_a_refusal(void **state)
{
    struct reply reply = ask(state, "GET /set HTTP/1.1\r\n" HOST "\r\n", 429, "agent.rate_limited");

    assert_true(reply_has(&reply, "Retry-After: 7"));
    assert_true(reply_has(&reply, "cache-control: private"));
    assert_null(strstr(reply.head, "no-store"));
    assert_non_null(strstr(reply.head, "429 Too Many Requests\r\n"));
    assert_string_equal(reply.body, "{\"code\":\"agent.rate_limited\",\"details\":{\"reason\":\"rate\",\"recovery\":"
                                    "\"same\"},\"message\":\"Wait.\",\"ok\":false}");
    client_free_reply(&reply);
}

static void a_missing_token_is_401_with_a_challenge(void **state)
{
    struct reply reply = ask(state, "GET /token HTTP/1.1\r\n" HOST "\r\n", 401, "agent.token_invalid");

    assert_true(reply_has(&reply, "WWW-Authenticate: Bearer"));
    client_free_reply(&reply);
}

static void a_failure_of_ours_is_logged_and_not_told(void **state)
{
    struct test_server *server = *state;
    struct reply reply = ask(state, "GET /fail HTTP/1.1\r\n" HOST "\r\n", 500, "common.internal_error");
    char log[4096], id[64];

    assert_string_equal(reply.body,
                        "{\"code\":\"common.internal_error\",\"details\":{\"recovery\":\"same\"},\"message\":"
                        "\"Something went wrong inside the gateway.\",\"ok\":false}");
    server_log(server, log, sizeof log);
    assert_non_null(strstr(log, "request.failed"));
    assert_non_null(strstr(log, "the key is under the mat"));
    assert_non_null(strstr(log, "error"));
    assert_null(strstr(log, "s3cret"));
    assert_int_equal(sscanf(strstr(reply.head, "X-Request-Id: "), "X-Request-Id: %63s", id), 1);
    assert_non_null(strstr(log, id));
    client_free_reply(&reply);
}

static void data_that_could_not_be_built_is_500(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply = client_ask(&client, "GET /nothing HTTP/1.1\r\n" HOST "\r\n");

    assert_int_equal(reply.status, 500);
    assert_memory_equal(reply.body, "{\"code\":\"common.internal_error\"", 31);
    client_free_reply(&reply);
    client_close(&client);
}

static void a_header_that_would_split_the_answer_is_500(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply = client_ask(&client, "GET /split HTTP/1.1\r\n" HOST "\r\n");

    assert_int_equal(reply.status, 500);
    assert_null(strstr(reply.head, "X-Evil"));
    assert_non_null(strstr(reply.head, "\r\nX-Request-Id: req_"));
    assert_non_null(strstr(reply.head, "\r\nContent-Security-Policy: default-src 'none';"));
    assert_true(reply_has(&reply, "Cross-Origin-Resource-Policy: same-origin"));
    assert_true(reply_has(&reply, "Referrer-Policy: no-referrer"));
    client_free_reply(&reply);
    client_close(&client);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, server_start, server_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(an_unknown_route_is_404),
        SERVED(a_wrong_method_is_405_with_allow),
        SERVED(an_unknown_method_is_501_and_ends_the_connection),
        SERVED(an_unfair_target_is_400_and_ends_the_connection),
        SERVED(an_absolute_target_is_400),
        SERVED(a_long_target_is_400),
        SERVED(a_body_where_none_is_taken_is_400),
        SERVED(a_body_after_head_is_never_a_request),
        SERVED(a_transfer_encoding_is_411_and_ends_the_connection),
        SERVED(two_lengths_are_400_and_end_the_connection),
        SERVED(a_body_over_the_limit_is_413),
        SERVED(another_content_type_is_415),
        SERVED(what_is_no_json_object_is_400_with_an_issue),
        SERVED(an_empty_body_is_no_body_whatever_its_type),
        SERVED(a_repeated_query_parameter_is_400_with_an_issue),
        SERVED(headers_that_a_handler_set_survive_a_refusal),
        SERVED(a_missing_token_is_401_with_a_challenge),
        SERVED(a_failure_of_ours_is_logged_and_not_told),
        SERVED(data_that_could_not_be_built_is_500),
        SERVED(a_header_that_would_split_the_answer_is_500),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
