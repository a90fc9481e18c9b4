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
#define SHARED_BODY "{\"code\":\"common.success\",\"data\":[1,2,3],\"ok\":true}"

static void ask(struct client *client, const char *request, const char *expected)
{
    struct reply reply = client_ask(client, request);

    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, expected);
    client_free_reply(&reply);
}

static struct client connect_to(void **state)
{
    const struct test_server *server = *state;

    return client_connect(server->port);
}

static void a_handler_sees_the_request(void **state)
{
    struct client client = connect_to(state);

    ask(&client, "GET /echo/a%20b/%C3%A4?q=1+2&r HTTP/1.1\r\n" HOST "X-Request-Id: my-id_1.2\r\n\r\n",
        "{\"code\":\"common.success\",\"data\":{\"clientId\":\"my-id_1.2\",\"first\":\"a b\",\"host\":\"test\","
        "\"method\":\"GET\",\"path\":\"/echo/a%20b/%C3%A4\",\"peer\":\"127.0.0.1\",\"query\":{\"q\":\"1 "
        "2\",\"r\":\"\"},"
        "\"second\":\"\xc3\xa4\",\"third\":\"\"},\"ok\":true}");
    client_close(&client);
}

static void a_client_id_that_is_not_well_formed_is_ignored(void **state)
{
    static const char format[] = "GET /echo/a/b HTTP/1.1\r\nX-Request-Id: %s\r\n" HOST "\r\n";
    struct client client = connect_to(state);
    char request[512], id[130] = "";

    for (size_t length = 127; length <= 129; length++) {
        struct reply reply;

        memset(id, 'a', length);
        snprintf(request, sizeof request, format, id);
        reply = client_ask(&client, request);
        assert_int_equal(strstr(reply.body, "\"clientId\":null") != NULL, length == 129);
        client_free_reply(&reply);
    }
    snprintf(request, sizeof request, format, "a b");
    client_send_text(&client, request);
    client_await_text(&client, "\"clientId\":null");
    client_close(&client);
}

static void a_connection_is_used_again(void **state)
{
    struct client client = connect_to(state);

    ask(&client, "GET /shared HTTP/1.1\r\n" HOST "\r\n", SHARED_BODY);
    ask(&client, "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "{\"code\":\"common.success\",\"data\":{\"body\":{\"a\":1}},\"ok\":true}");
    ask(&client, "PUT /json HTTP/1.1\r\n" HOST "\r\n", "{\"code\":\"common.success\",\"data\":{},\"ok\":true}");
    ask(&client, "GET /shared HTTP/1.1\r\n" HOST "\r\n", SHARED_BODY);
    client_close(&client);
}

static void json_may_name_its_charset(void **state)
{
    static const char *const types[] = { "application/json", "Application/JSON ;  charset=utf-8 ",
                                         "application/json;charset=\"UTF-8\"" };
    struct client client = connect_to(state);
    char request[256];

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(request, sizeof request,
                 "POST /json HTTP/1.1\r\n" HOST "Content-Type: %s\r\nContent-Length: 2\r\n\r\n{}", types[i]);
        ask(&client, request, "{\"code\":\"common.success\",\"data\":{\"body\":{}},\"ok\":true}");
    }
    client_close(&client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct client client = connect_to(state);
    char expected[64];

    for (int i = 0; i < 20; i++) {
        char request[64];

        snprintf(request, sizeof request, "GET /echo/n%d/x HTTP/1.1\r\n" HOST "\r\n", i);
        client_send_text(&client, request);
    }
    for (int i = 0; i < 20; i++) {
        struct reply reply = client_receive(&client, false);

        snprintf(expected, sizeof expected, "\"first\":\"n%d\"", i);
        assert_int_equal(reply.status, 200);
        assert_non_null(strstr(reply.body, expected));
        client_free_reply(&reply);
    }
    client_close(&client);
}

static void head_has_the_length_and_no_body(void **state)
{
    struct client client = connect_to(state);
    char length[64];
    struct reply reply;

    client_send_text(&client, "HEAD /shared HTTP/1.1\r\n" HOST "\r\n");
    reply = client_receive(&client, true);
    assert_int_equal(reply.status, 200);
    snprintf(length, sizeof length, "Content-Length: %zu", strlen(SHARED_BODY));
    assert_true(reply_has(&reply, length));
    client_free_reply(&reply);
    client_send_text(&client, "HEAD /unknown HTTP/1.1\r\n" HOST "\r\n");
    reply = client_receive(&client, true);
    assert_int_equal(reply.status, 404);
    client_free_reply(&reply);
    ask(&client, "GET /shared HTTP/1.1\r\n" HOST "\r\n", SHARED_BODY);
    client_close(&client);
}

static void not_modified_has_no_body(void **state)
{
    struct client client = connect_to(state);
    struct reply reply = client_ask(&client, "GET /same HTTP/1.1\r\n" HOST "\r\n");

    assert_int_equal(reply.status, 304);
    assert_true(reply_has(&reply, "ETag: \"a\""));
    assert_true(reply_has(&reply, "Cache-Control: private, no-cache"));
    assert_null(strstr(reply.head, "\r\nContent-Type"));
    assert_null(strstr(reply.head, "\r\nContent-Length"));
    client_free_reply(&reply);
    ask(&client, "GET /shared HTTP/1.1\r\n" HOST "\r\n", SHARED_BODY);
    client_close(&client);
}

static void a_large_answer_arrives_whole(void **state)
{
    struct client client = connect_to(state);
    struct reply reply = client_ask(&client, "GET /large HTTP/1.1\r\n" HOST "\r\n");

    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.length, 300002 + strlen("{\"code\":\"common.success\",\"data\":,\"ok\":true}"));
    assert_string_equal(reply.body + reply.length - 15, "xxx\",\"ok\":true}");
    client_free_reply(&reply);
    client_close(&client);
}

static void every_answer_has_an_id_of_its_own(void **state)
{
    struct client client = connect_to(state);
    char ids[2][64];

    for (int i = 0; i < 2; i++) {
        struct reply reply = client_ask(&client, "GET /shared HTTP/1.1\r\n" HOST "\r\n");

        assert_int_equal(sscanf(strstr(reply.head, "X-Request-Id: "), "X-Request-Id: %63s", ids[i]), 1);
        client_free_reply(&reply);
    }
    assert_int_equal(strlen(ids[0]), strlen("req_") + 26);
    assert_string_not_equal(ids[0], ids[1]);
    client_close(&client);
}

static void old_clients_get_a_connection_that_ends(void **state)
{
    struct client client = connect_to(state);

    ask(&client, "GET /shared HTTP/1.0\r\n\r\n", "");
    client_await_text(&client, SHARED_BODY);
    client.length = 0;
    assert_true(client_at_end(&client));
    client_close(&client);
}

static void each_request_is_logged_by_its_route_unless_hidden(void **state)
{
    struct test_server *server = *state;
    struct client client = connect_to(state);
    char log[8192];

    ask(&client, "GET /hidden HTTP/1.1\r\n" HOST "\r\n", SHARED_BODY);
    client_send_text(&client, "GET /echo/private/b HTTP/1.1\r\n" HOST "\r\n");
    client_await_text(&client, "common.success");
    server_log(server, log, sizeof log);
    assert_non_null(strstr(log, "request.done"));
    assert_non_null(strstr(log, "/echo/{first}/{second}"));
    assert_null(strstr(log, "private"));
    assert_null(strstr(log, "hidden"));
    client_close(&client);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, server_start, server_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_handler_sees_the_request),
        SERVED(a_client_id_that_is_not_well_formed_is_ignored),
        SERVED(a_connection_is_used_again),
        SERVED(json_may_name_its_charset),
        SERVED(pipelined_requests_are_answered_in_order),
        SERVED(head_has_the_length_and_no_body),
        SERVED(not_modified_has_no_body),
        SERVED(a_large_answer_arrives_whole),
        SERVED(every_answer_has_an_id_of_its_own),
        SERVED(old_clients_get_a_connection_that_ends),
        SERVED(each_request_is_logged_by_its_route_unless_hidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
