/* SPDX-License-Identifier: MIT */
#include "http/http_client.h"
#include "http/http_server.h"
#include "http/state.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: test\r\n\r\n"
#define LATE_BODY "{\"code\":\"common.success\",\"data\":\"late\",\"ok\":true}"
#define LONGER_THAN_IDLE_US 1500000

static void answer_held(void *arg)
{
    struct test_server *server = arg;

    opp_request_answer(server->held, json_string("late"));
    server->held = NULL;
}

static void refuse_held(void *arg)
{
    struct test_server *server = arg;

    opp_request_set(server->held, "Retry-After", "1");
    opp_request_refuse(server->held, OPP_E_UNAVAILABLE, NULL, json_object());
    server->held = NULL;
}

static void answer_held_with_bytes(void *arg)
{
    struct test_server *server = arg;
    struct opp_buf data = { 0 };

    opp_buf_text(&data, "1");
    opp_request_answer_bytes(server->held, &data);
    server->held = NULL;
}

static void end_stream(void *arg)
{
    struct test_server *server = arg;

    opp_request_stream_end(server->held);
    server->held = NULL;
}

static void write_to_stream(void *arg)
{
    struct test_server *server = arg;

    opp_request_stream_write(server->held, "data: 2\n\n", strlen("data: 2\n\n"));
}

/* More than the network takes in from a client that does not read. */
static void fill_stream(void *arg)
{
    struct test_server *server = arg;
    static char bytes[1 << 20];

    for (int i = 0; i < 16; i++)
        opp_request_stream_write(server->held, bytes, sizeof bytes);
    assert_true(opp_request_stream_backlog(server->held) >= sizeof bytes);
}

static void look_at_input(void *arg)
{
    struct test_server *server = arg;
    struct bufferevent *events = opp_request_bufferevent(server->held);

    /* a header block, and the byte that would be too much; no body was admitted */
    assert_in_range(evbuffer_get_length(bufferevent_get_input(events)), 1, HEAD_MAX + 1);
}

static void on_drained(void *arg)
{
    struct test_server *server = arg;

    sem_post(&server->drained);
}

static void drain(void *arg)
{
    struct test_server *server = arg;

    opp_http_drain(server->http, on_drained, server);
}

static void free_server(void *arg)
{
    struct test_server *server = arg;

    opp_http_free(server->http);
    server->http = NULL;
}

static bool is_posted(sem_t *semaphore)
{
    return sem_trywait(semaphore) == 0;
}

/* A client whose request the server holds. */
static struct client hold(struct test_server *server, const char *request)
{
    struct client client = client_connect(server->port);

    client_send_text(&client, request);
    await(&server->held_one);
    return client;
}

static void expect_late(struct client *client)
{
    struct reply reply = client_receive(client, false);

    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, LATE_BODY);
    client_free_reply(&reply);
}

static void an_answer_may_come_later(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));

    server_run(server, answer_held);
    expect_late(&client);
    client_send_text(&client, GET("/later"));
    await(&server->held_one);
    server_run(server, answer_held);
    expect_late(&client);
    assert_false(is_posted(&server->gone));
    client_close(&client);
}

static void a_refusal_may_come_later(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));
    struct reply reply;

    server_run(server, refuse_held);
    reply = client_receive(&client, false);
    assert_int_equal(reply.status, 503);
    assert_true(reply_has(&reply, "Retry-After: 1"));
    client_free_reply(&reply);
    client_close(&client);
}

static void a_client_that_waits_may_be_silent_for_longer_than_an_idle_one(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));

    usleep(LONGER_THAN_IDLE_US);
    server_run(server, answer_held);
    expect_late(&client);
    assert_true(client_at_end(&client)); /* idle again, so the time counts again */
    client_close(&client);
}

static void requests_sent_while_one_waits_are_answered_after_it(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));
    struct reply reply;

    client_send_text(&client, GET("/shared") GET("/shared"));
    usleep(50000); /* let them arrive */
    server_run(server, answer_held);
    expect_late(&client);
    for (int i = 0; i < 2; i++) {
        reply = client_receive(&client, false);
        assert_int_equal(reply.status, 200);
        client_free_reply(&reply);
    }
    client_close(&client);
}

static void a_client_that_goes_is_noticed_once(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));

    client_close(&client);
    await(&server->gone);
    server_run(server, answer_held);
    assert_false(is_posted(&server->gone));
}

static void a_client_that_says_that_it_sends_no_more_is_taken_to_have_gone(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));

    shutdown(client.fd, SHUT_WR);
    await(&server->gone);
    server_run(server, answer_held);
    client_close(&client);
}

static void answers_to_a_client_that_has_gone_are_dropped(void **state)
{
    static void (*const answers[])(void *) = { answer_held, refuse_held, answer_held_with_bytes };
    struct test_server *server = *state;

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct client client =
            hold(server, "POST /later HTTP/1.1\r\nHost: test\r\nX-Request-Id: a\r\nContent-Length: 3\r\n\r\nabc");

        client_close(&client);
        await(&server->gone);
        server_run(server, answers[i]);
    }
}

static void an_answer_may_come_after_the_server_was_freed(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));

    server_run(server, free_server);
    await(&server->gone);
    server_run(server, answer_held);
    client_close(&client);
}

static void a_stream_sends_what_is_written(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/stream"));

    client_await_text(&client, "data: 1\n\n");
    server_run(server, write_to_stream);
    client_await_text(&client, "data: 2\n\n");
    assert_non_null(strstr(client.bytes, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(client.bytes, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(client.bytes, "X-Request-Id: req_"));
    server_run(server, end_stream);
    client_await_text(&client, "\r\n0\r\n\r\n");
    client.length = 0;
    assert_true(client_at_end(&client));
    assert_false(is_posted(&server->gone));
    client_close(&client);
}

static void a_slow_reader_has_a_backlog(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/stream"));

    server_run(server, fill_stream);
    client_close(&client);
    await(&server->gone);
}

static void a_client_that_waits_cannot_fill_the_memory(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));
    static const char next[] = GET("/shared");

    while (send(client.fd, next, strlen(next), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    usleep(50000); /* let the server read what it will */
    server_run(server, look_at_input);
    server_run(server, answer_held);
    expect_late(&client);
    client_close(&client);
}

static void clients_may_go_while_they_are_answered(void **state)
{
    const struct test_server *server = *state;

    for (int i = 0; i < 50; i++) {
        struct client client = client_connect(server->port);

        client_send_text(&client, GET("/large") GET("/large"));
        if (i % 2 == 0)
            client_await_text(&client, "xxx");
        client_close(&client);
    }
}

static void a_body_that_is_announced_is_asked_for(void **state)
{
    const struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply;

    client_send_text(&client, "POST /json HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
                              "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    client_await_text(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    client.length = 0;
    client_send_text(&client, "{}");
    reply = client_receive(&client, false);
    assert_int_equal(reply.status, 200);
    client_free_reply(&reply);
    client_close(&client);
}

static void a_stream_may_be_silent(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/stream"));

    usleep(LONGER_THAN_IDLE_US);
    server_run(server, write_to_stream);
    client_await_text(&client, "data: 2\n\n");
    server_run(server, end_stream);
    client_close(&client);
}

static void a_stream_ends_with_its_client(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/stream"));

    client_close(&client);
    await(&server->gone);
}

static void a_stream_for_head_ends_at_once(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, "HEAD /stream HTTP/1.1\r\nHost: test\r\n\r\n");
    struct reply reply = client_receive(&client, true);

    assert_int_equal(reply.status, 200);
    await(&server->gone);
    assert_true(client_at_end(&client));
    client_free_reply(&reply);
    client_close(&client);
}

static void an_old_client_gets_its_stream_without_chunks(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, "GET /stream HTTP/1.0\r\n\r\n");

    client_await_text(&client, "\r\n\r\ndata: 1\n\n");
    server_run(server, end_stream);
    client.length = 0;
    assert_true(client_at_end(&client));
    client_close(&client);
}

static void a_drain_waits_for_the_last_answer(void **state)
{
    struct test_server *server = *state;
    struct client client = hold(server, GET("/later"));
    struct reply reply;

    server_run(server, drain);
    usleep(50000);
    assert_false(is_posted(&server->drained));
    server_run(server, answer_held);
    reply = client_receive(&client, false);
    assert_string_equal(reply.body, LATE_BODY);
    assert_true(reply_has(&reply, "Connection: close"));
    client_free_reply(&reply);
    assert_true(client_at_end(&client));
    await(&server->drained);
    client_close(&client);
}

static void a_drain_ends_streams(void **state)
{
    struct test_server *server = *state;
    struct client first = hold(server, GET("/stream"));
    struct client second = hold(server, GET("/stream"));

    server_run(server, drain);
    await(&server->gone);
    await(&server->gone);
    await(&server->drained);
    client_await_text(&first, "\r\n0\r\n\r\n");
    client_await_text(&second, "\r\n0\r\n\r\n");
    client_close(&first);
    client_close(&second);
}

static void a_drain_with_nothing_to_do_is_done(void **state)
{
    struct test_server *server = *state;

    server_run(server, drain);
    await(&server->drained);
    server_run(server, free_server);
}

static void a_drained_server_answers_what_comes_on_open_connections(void **state)
{
    struct test_server *server = *state;
    struct client client = client_connect(server->port);
    struct reply reply = client_ask(&client, GET("/shared"));

    client_free_reply(&reply);
    server_run(server, drain);
    reply = client_ask(&client, GET("/shared"));
    assert_int_equal(reply.status, 200);
    assert_true(reply_has(&reply, "Connection: close"));
    client_free_reply(&reply);
    assert_true(client_at_end(&client));
    client_close(&client);
}

static void a_slow_sender_of_nothing_is_cut_off(void **state)
{
    struct test_server *server = *state;
    struct client client = client_connect(server->port);

    client_send_text(&client, "GET /shared HT");
    assert_true(client_at_end(&client));
    client_close(&client);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, server_start, server_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(an_answer_may_come_later),
        SERVED(a_refusal_may_come_later),
        SERVED(a_client_that_waits_may_be_silent_for_longer_than_an_idle_one),
        SERVED(requests_sent_while_one_waits_are_answered_after_it),
        SERVED(a_client_that_goes_is_noticed_once),
        SERVED(a_client_that_says_that_it_sends_no_more_is_taken_to_have_gone),
        SERVED(answers_to_a_client_that_has_gone_are_dropped),
        SERVED(an_answer_may_come_after_the_server_was_freed),
        SERVED(a_stream_sends_what_is_written),
        SERVED(a_stream_may_be_silent),
        SERVED(a_slow_reader_has_a_backlog),
        SERVED(a_client_that_waits_cannot_fill_the_memory),
        SERVED(clients_may_go_while_they_are_answered),
        SERVED(a_body_that_is_announced_is_asked_for),
        SERVED(a_stream_ends_with_its_client),
        SERVED(a_stream_for_head_ends_at_once),
        SERVED(an_old_client_gets_its_stream_without_chunks),
        SERVED(a_drain_waits_for_the_last_answer),
        SERVED(a_drain_ends_streams),
        SERVED(a_drain_with_nothing_to_do_is_done),
        SERVED(a_drained_server_answers_what_comes_on_open_connections),
        SERVED(a_slow_sender_of_nothing_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
