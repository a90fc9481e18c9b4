/* SPDX-License-Identifier: MIT */
#include "adapter/upstream_fixture.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER                                                                                                     \
    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nETag: \"v1\"\r\nContent-Length: 11\r\n\r\n{\"id\":" \
    "\"7\"}\n"
#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static struct upstream_fixture f;

static struct opp_upstream_request send_one(const char *method)
{
    struct opp_upstream_request request = upstream_request(&f, method, "/x");

    upstream_send(&f, &request, 1);
    return request;
}

static enum opp_upstream_outcome outcome_of(const char *method)
{
    struct opp_upstream_request request = send_one(method);

    opp_upstream_close(&request);
    return request.outcome;
}

static void a_request_arrives_whole_and_so_does_its_answer(void **state)
{
    struct opp_upstream_request request;
    char seen[FAKE_REQUEST_MAX];

    (void)state;
    setenv("OPP_TEST_CREDENTIAL", "s3cret", 1);
    upstream_begin(&f, fake_upstream_answer, ANSWER);
    f.settings.credential_header = "Authorization";
    f.settings.credential_prefix = "Bearer ";
    f.settings.credential_env = "OPP_TEST_CREDENTIAL";
    upstream_open(&f);
    request = upstream_request(&f, "POST", "/orders/a%2Fb");
    request.query = "dry=1";
    request.body = "{\"n\":1}";
    request.body_length = 7;
    request.idempotency_key = "eff_1";
    request.if_match = "\"v0\"";
    request.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    upstream_send(&f, &request, 1);
    assert_int_equal(request.outcome, OPP_UPSTREAM_ANSWERED);
    assert_int_equal(request.status, 201);
    assert_int_equal(request.answer.length, 11);
    assert_memory_equal(request.answer.bytes, "{\"id\":\"7\"}\n", 11);
    assert_string_equal(request.etag, "\"v1\"");
    assert_string_equal(request.content_type, "application/json");
    assert_int_equal(request.retry_after_s, -1);
    fake_upstream_last(&f.fake, seen);
    assert_non_null(strstr(seen, "POST /api/orders/a%2Fb?dry=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(seen, "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_non_null(strstr(seen, "\r\nIdempotency-Key: eff_1\r\n"));
    assert_non_null(strstr(seen, "\r\nIf-Match: \"v0\"\r\n"));
    assert_non_null(strstr(seen, "\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(seen, "\r\n\r\n{\"n\":1}"));
    assert_null(strstr(seen, "Expect"));
    assert_null(strstr(seen, "Accept-Encoding"));
    opp_upstream_close(&request);
    upstream_end(&f);
}

static void each_method_is_sent_as_it_is_called(void **state)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
    char seen[FAKE_REQUEST_MAX], line[32];

    (void)state;
    upstream_begin(&f, fake_upstream_answer, EMPTY);
    upstream_open(&f);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        assert_int_equal(outcome_of(methods[i]), OPP_UPSTREAM_ANSWERED);
        fake_upstream_last(&f.fake, seen);
        snprintf(line, sizeof line, "%s /api/x HTTP/1.1\r\n", methods[i]);
        assert_memory_equal(seen, line, strlen(line));
    }
    upstream_end(&f);
}

static void an_answer_may_say_when_to_come_back(void **state)
{
    struct opp_upstream_request request;

    (void)state;
    upstream_begin(&f, fake_upstream_answer,
                   "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nETag: \"a\"\r\nETag: \"b\"\r\nContent-Length: 0\r\n\r\n");
    upstream_open(&f);
    request = send_one("GET");
    assert_int_equal(request.status, 503);
    assert_int_equal(request.retry_after_s, 7);
    assert_null(request.etag); /* which of them would it be? */
    opp_upstream_close(&request);
    upstream_end(&f);
}

static void what_must_not_be_in_a_request_is_not_sent(void **state)
{
    static const struct {
        const char *method, *path, *query, *key;
    } wrong[] = {
        { "OPTIONS", "/x", NULL, NULL },      { "get", "/x", NULL, NULL },      { NULL, "/x", NULL, NULL },
        { "POST", "x", NULL, NULL },          { "POST", NULL, NULL, NULL },     { "POST", "/a b", NULL, NULL },
        { "POST", "/a\r\nX: y", NULL, NULL }, { "POST", "/%0", NULL, NULL },    { "POST", "/%zz", NULL, NULL },
        { "POST", "/a?b", NULL, NULL },       { "POST", "/a#b", NULL, NULL },   { "POST", "/\xc3\xa4", NULL, NULL },
        { "POST", "/..", NULL, NULL },        { "POST", "/a/./b", NULL, NULL }, { "POST", "/a/%2E%2e/b", NULL, NULL },
        { "POST", "/a/.%2e", NULL, NULL },    { "POST", "/x", "a#b", NULL },    { "POST", "/x", "a b", NULL },
        { "POST", "/x", NULL, "a\r\nX: y" },  { "POST", "/x", NULL, "" },       { "POST", "/x", NULL, "a\x7f" },
    };

    (void)state;
    upstream_begin(&f, fake_upstream_answer, EMPTY);
    upstream_open(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct opp_upstream_request request = upstream_request(&f, wrong[i].method, wrong[i].path);

        request.query = wrong[i].query;
        request.idempotency_key = wrong[i].key;
        upstream_send(&f, &request, 1);
        if (request.outcome != OPP_UPSTREAM_NOT_SENT || request.err.code != OPP_E_VALIDATION)
            fail_msg("%zu: outcome %d, %s", i, (int)request.outcome, request.err.message);
        opp_upstream_close(&request);
    }
    upstream_end(&f);
    assert_int_equal(atomic_load(&f.fake.connections), 0);
}

static void where_nobody_listens_nothing_was_sent(void **state)
{
    static const char *const nowhere[] = { "http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://[::1]:1" };

    (void)state;
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        struct opp_upstream_request request;

        upstream_begin(&f, fake_upstream_answer, EMPTY);
        f.settings.base_url = nowhere[i];
        upstream_open(&f);
        request = send_one("POST");
        assert_int_equal(request.outcome, OPP_UPSTREAM_NOT_SENT);
        assert_int_equal(request.err.code, OPP_E_IO);
        opp_upstream_close(&request);
        upstream_end(&f);
    }
}

static void the_environments_proxy_is_not_asked(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    upstream_begin(&f, fake_upstream_answer, EMPTY);
    upstream_open(&f);
    assert_int_equal(outcome_of("POST"), OPP_UPSTREAM_ANSWERED);
    upstream_end(&f);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* The second request on a connection finds its end. */
static void answer_once_then_close(struct fake_upstream *fake, int fd)
{
    if (fake_upstream_read(fake, fd) && fake_upstream_say(fd, fake->text))
        fake_upstream_read(fake, fd);
}

static void a_write_leaves_once_even_where_a_read_would_leave_again(void **state)
{
    (void)state;
    upstream_begin(&f, answer_once_then_close, EMPTY);
    upstream_open(&f);
    assert_int_equal(outcome_of("GET"), OPP_UPSTREAM_ANSWERED);
    assert_int_equal(outcome_of("GET"), OPP_UPSTREAM_ANSWERED);
    assert_int_equal(atomic_load(&f.fake.requests), 3); /* the second one twice */
    assert_int_equal(atomic_load(&f.fake.connections), 2);
    assert_int_equal(outcome_of("POST"), OPP_UPSTREAM_ANSWERED);
    assert_int_equal(atomic_load(&f.fake.requests), 4);
    assert_int_equal(atomic_load(&f.fake.connections), 3); /* though one was kept */
    upstream_end(&f);
}

/* Says more than it was asked when the answer is out. */
static void answer_and_add(struct fake_upstream *fake, int fd)
{
    if (!fake_upstream_read(fake, fd) || !fake_upstream_say(fd, fake->text) || !fake_upstream_pause(fake, 30))
        return;
    fake_upstream_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    atomic_store(&fake->marks, 1);
    fake_upstream_wait(fake, fd);
}

static void what_came_on_a_kept_connection_is_nobodys_answer(void **state)
{
    struct opp_upstream_request request;

    (void)state;
    upstream_begin(&f, answer_and_add, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright");
    upstream_open(&f);
    for (int i = 1; i <= 2; i++) {
        request = send_one("GET");
        assert_int_equal(request.outcome, OPP_UPSTREAM_ANSWERED);
        assert_memory_equal(request.answer.bytes, "right", 5);
        opp_upstream_close(&request);
        assert_int_equal(atomic_load(&f.fake.connections), i);
        assert_int_equal(atomic_load(&f.fake.requests), i);
        while (atomic_exchange(&f.fake.marks, 0) == 0)
            usleep(1000);
    }
    upstream_end(&f);
}

static void answer_slowly(struct fake_upstream *fake, int fd)
{
    int before = atomic_fetch_add(&fake->marks, 1);

    if (before >= 2)
        atomic_store(&fake->crowded, 1);
    fake_upstream_read(fake, fd);
    fake_upstream_pause(fake, 20);
    atomic_fetch_sub(&fake->marks, 1);
    fake_upstream_say(fd, fake->text);
}

static void only_so_many_are_under_way_and_only_so_many_wait(void **state)
{
    struct opp_upstream_request requests[20];
    int answered = 0, refused = 0;

    (void)state;
    upstream_begin(&f, answer_slowly, EMPTY);
    f.settings.connections_max = 2;
    upstream_open(&f);
    for (int i = 0; i < 20; i++)
        requests[i] = upstream_request(&f, "POST", "/x");
    upstream_send(&f, requests, 20);
    for (int i = 0; i < 20; i++) {
        answered += requests[i].outcome == OPP_UPSTREAM_ANSWERED;
        refused += requests[i].outcome == OPP_UPSTREAM_NOT_SENT && requests[i].err.code == OPP_E_LIMIT;
        opp_upstream_close(&requests[i]);
    }
    upstream_end(&f);
    assert_int_equal(answered, 18); /* two, and eight that wait for each */
    assert_int_equal(refused, 2);
    assert_int_equal(atomic_load(&f.fake.crowded), 0);
}

static void read_and_wait(struct fake_upstream *fake, int fd)
{
    if (fake_upstream_read(fake, fd))
        fake_upstream_wait(fake, fd);
}

static void who_waits_until_time_is_up_was_not_sent(void **state)
{
    struct opp_upstream_request requests[2];

    (void)state;
    upstream_begin(&f, read_and_wait, NULL);
    f.settings.connections_max = 1;
    f.settings.timeout_ms = 300;
    upstream_open(&f);
    requests[0] = upstream_request(&f, "POST", "/x");
    requests[1] = upstream_request(&f, "POST", "/x");
    requests[1].until_ms = opp_monotonic_ms() + 30; /* earlier than the upstream's own timeout */
    upstream_send(&f, requests, 2);
    assert_int_equal(requests[0].outcome, OPP_UPSTREAM_UNKNOWN);
    assert_int_equal(requests[1].outcome, OPP_UPSTREAM_NOT_SENT);
    opp_upstream_close(&requests[0]);
    opp_upstream_close(&requests[1]);
    upstream_end(&f);
    assert_int_equal(atomic_load(&f.fake.requests), 1);
}

static void who_is_cancelled_hears_nothing_and_makes_room(void **state)
{
    struct opp_upstream_request first, second;

    (void)state;
    upstream_begin(&f, fake_upstream_answer, EMPTY);
    f.settings.connections_max = 1;
    upstream_open(&f);
    first = upstream_request(&f, "POST", "/first");
    opp_upstream_send(f.client, &first);
    second = upstream_request(&f, "POST", "/second");
    f.left = 1;
    opp_upstream_send(f.client, &second);
    opp_upstream_cancel(&first);
    opp_upstream_cancel(&first);
    upstream_run(&f);
    assert_int_equal(f.left, 0);
    assert_int_equal(second.outcome, OPP_UPSTREAM_ANSWERED);
    opp_upstream_close(&first);
    opp_upstream_close(&second);
    upstream_end(&f);
}

static void at_the_end_what_was_sent_is_unknown_and_the_rest_was_not_sent(void **state)
{
    struct opp_upstream_request requests[2];

    (void)state;
    upstream_begin(&f, read_and_wait, NULL);
    f.settings.connections_max = 1;
    upstream_open(&f);
    f.left = 2;
    for (int i = 0; i < 2; i++) {
        requests[i] = upstream_request(&f, "POST", "/x");
        opp_upstream_send(f.client, &requests[i]);
    }
    while (atomic_load(&f.fake.requests) == 0)
        upstream_step(&f);
    opp_upstream_client_close(f.client);
    f.client = NULL;
    assert_int_equal(f.left, 0);
    assert_int_equal(requests[0].outcome, OPP_UPSTREAM_UNKNOWN);
    assert_int_equal(requests[1].outcome, OPP_UPSTREAM_NOT_SENT);
    opp_upstream_close(&requests[0]);
    opp_upstream_close(&requests[1]);
    upstream_end(&f);
}

static void write_file(const char *path, const char *text)
{
    assert_int_equal(opp_file_write(path, 0600, text, strlen(text), NULL), OPP_OK);
}

static void a_credential_is_read_again_when_asked_and_stays_when_it_cannot_be(void **state)
{
    char path[] = "/tmp/opp-credential-XXXXXX", seen[FAKE_REQUEST_MAX];
    struct opp_err err = { 0 };
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "old\n");
    upstream_begin(&f, fake_upstream_answer, EMPTY);
    f.settings.credential_header = "X-Api-Key";
    f.settings.credential_file = path;
    upstream_open(&f);
    write_file(path, "new");
    assert_int_equal(outcome_of("GET"), OPP_UPSTREAM_ANSWERED);
    fake_upstream_last(&f.fake, seen);
    assert_non_null(strstr(seen, "\r\nX-Api-Key: old\r\n"));
    assert_int_equal(opp_upstreams_reload(f.upstreams, &err), OPP_OK);
    assert_int_equal(outcome_of("GET"), OPP_UPSTREAM_ANSWERED);
    fake_upstream_last(&f.fake, seen);
    assert_non_null(strstr(seen, "\r\nX-Api-Key: new\r\n"));
    write_file(path, "two\nlines\n");
    assert_int_equal(opp_upstreams_reload(f.upstreams, &err), OPP_E_CONFIG);
    assert_string_equal(err.where, path);
    assert_null(strstr(err.message, "two"));
    assert_int_equal(outcome_of("GET"), OPP_UPSTREAM_ANSWERED);
    fake_upstream_last(&f.fake, seen);
    assert_non_null(strstr(seen, "\r\nX-Api-Key: new\r\n"));
    upstream_end(&f);
    unlink(path);
}

static void files_that_cannot_be_used_are_said_at_the_start(void **state)
{
    char path[] = "/tmp/opp-pem-XXXXXX";
    const struct opp_upstream_settings plain = { .name = "crm", .base_url = "https://crm.example.com" };
    struct opp_upstream_settings wrong[] = { plain, plain, plain, plain, plain };
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "no certificate");
    wrong[0].ca_file = path;
    wrong[1].ca_file = "/nonexistent/ca.pem";
    wrong[2].client_certificate = wrong[2].client_key = path;
    wrong[3].credential_header = wrong[4].credential_header = "Authorization";
    wrong[3].credential_file = "/nonexistent/token";
    wrong[4].credential_env = "OPP_TEST_NOT_SET";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct opp_upstreams *upstreams = NULL;
        struct opp_err err = { 0 };

        assert_int_equal(opp_upstreams_new(&wrong[i], 1, NULL, &upstreams, &err), OPP_E_CONFIG);
        assert_true(err.where[0] != '\0');
    }
    unlink(path);
}

static void what_is_counted_has_the_upstreams_name_and_the_outcome(void **state)
{
    struct opp_buf text = { 0 };

    (void)state;
    upstream_begin(&f, fake_upstream_answer, EMPTY);
    upstream_open(&f);
    assert_int_equal(outcome_of("GET"), OPP_UPSTREAM_ANSWERED);
    assert_int_equal(outcome_of("nothing"), OPP_UPSTREAM_NOT_SENT);
    opp_metrics_write(f.metrics, &text);
    opp_buf_char(&text, '\0');
    assert_non_null(strstr(text.bytes, "oppd_upstream_requests_total{upstream=\"crm\",outcome=\"2xx\"} 1\n"));
    assert_non_null(strstr(text.bytes, "oppd_upstream_requests_total{upstream=\"crm\",outcome=\"not_sent\"} 1\n"));
    assert_non_null(strstr(text.bytes, "oppd_upstream_requests_in_flight{upstream=\"crm\"} 0\n"));
    assert_non_null(strstr(text.bytes, "oppd_upstream_request_duration_seconds_count{upstream=\"crm\"} 1\n"));
    opp_buf_free(&text);
    upstream_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_whole_and_so_does_its_answer),
        cmocka_unit_test(each_method_is_sent_as_it_is_called),
        cmocka_unit_test(an_answer_may_say_when_to_come_back),
        cmocka_unit_test(what_must_not_be_in_a_request_is_not_sent),
        cmocka_unit_test(where_nobody_listens_nothing_was_sent),
        cmocka_unit_test(the_environments_proxy_is_not_asked),
        cmocka_unit_test(a_write_leaves_once_even_where_a_read_would_leave_again),
        cmocka_unit_test(what_came_on_a_kept_connection_is_nobodys_answer),
        cmocka_unit_test(only_so_many_are_under_way_and_only_so_many_wait),
        cmocka_unit_test(who_waits_until_time_is_up_was_not_sent),
        cmocka_unit_test(who_is_cancelled_hears_nothing_and_makes_room),
        cmocka_unit_test(at_the_end_what_was_sent_is_unknown_and_the_rest_was_not_sent),
        cmocka_unit_test(a_credential_is_read_again_when_asked_and_stays_when_it_cannot_be),
        cmocka_unit_test(files_that_cannot_be_used_are_said_at_the_start),
        cmocka_unit_test(what_is_counted_has_the_upstreams_name_and_the_outcome),
    };

    return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
